#include "harness/campaign/crash_trial.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "harness/campaign/agent_lives.h"
#include "harness/campaign/attend.h"
#include "harness/campaign/canaries.h"
#include "harness/campaign/closing.h"
#include "harness/campaign/crash_bystander.h"
#include "harness/campaign/crew.h"
#include "harness/campaign/killed_commands.h"
#include "harness/campaign/poll.h"
#include "harness/campaign/stalls.h"
#include "harness/check/invariants.h"
#include "harness/fault/point_policy.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSetupOps = 1;
constexpr std::uint64_t kBystanderOps = 500'000'000;
constexpr std::uint64_t kOperationOps = 1'000'000'000;
constexpr std::uint64_t kAfterwardsOps = 1'500'000'000;
constexpr std::uint64_t kPrepared = 2;
constexpr int kAttemptsAfterwards = 3;
constexpr auto kGrace = 60s;
constexpr auto kBeyondTheDeadline = 10s;
constexpr const char* kOperationClient = "operation";

/// One trial from beginning to end.
class Trial {
 public:
  Trial(const CrashSettings& settings, std::unique_ptr<Stage> stage, const CrashPoint* point,
        const std::atomic<bool>& interrupted)
      : settings_(settings),
        interrupted_(interrupted),
        victim_(settings.op == "repair" || stage->target().runs_commands() ? Victim::kCommand
                                                                           : Victim::kLaunched),
        trace_policy_(stage->threads(), stage->classifier(), victim_),
        stage_(std::move(stage)),
        snapshots_(stage_->target(), collector_, stage_->names()),
        canaries_(stage_->probe(), stage_->place(), stage_->naming(), &stage_->second_target(),
                  stage_->second_place().workspace) {
    if (point != nullptr) {
      point_policy_.emplace(stage_->threads(), stage_->classifier(), victim_, *point);
    }
  }

  CrashTrial run();

 private:
  base::Status prepare();
  base::Status end_a_session();
  base::Status operate();
  base::Status run_operation();
  base::Status spawn_afterwards();
  [[nodiscard]] ScriptStep step() const;
  [[nodiscard]] ScriptStep spawn_step(std::uint64_t number) const;
  [[nodiscard]] WorkerConfig worker_config(std::uint64_t first_op) const;
  [[nodiscard]] std::chrono::milliseconds limit() const {
    return stage_->target().reply_deadline() + kBeyondTheDeadline;
  }
  CrashTrial judge();

  const CrashSettings& settings_;
  const std::atomic<bool>& interrupted_;
  Victim victim_;
  Collector collector_;
  ProceedAlways setup_policy_;
  TracePolicy trace_policy_;
  std::optional<PointPolicy> point_policy_;
  std::unique_ptr<CrashBystander> bystander_;  ///< its policy must outlive the engine
  std::unique_ptr<Stage> stage_;
  Snapshots snapshots_;
  Canaries canaries_;
  std::vector<std::string> agents_;  ///< the prepared ones
};

CrashTrial Trial::run() {
  const std::uint64_t spawns =
      kPrepared + (settings_.op == "spawn" ? 1u : 0u) + (settings_.with_bystander ? 1u : 0u) + 1u;
  collector_.with([&](Evidence& evidence) {
    evidence.run = {settings_.seed, SPAWNSTORM_VERSION, "explore", stage_->target().facts(), spawns,
                    false};
  });
  base::Status done = prepare();
  if (done) done = operate();
  if (done) {
    close_run(*stage_, snapshots_, canaries_, collector_, "none", [&] {
      const base::Status used = spawn_afterwards();
      if (!used) collector_.trouble(used.error().message);
      return used.has_value();
    });
  } else {
    collector_.trouble(done.error().message);
  }
  return judge();
}

WorkerConfig Trial::worker_config(std::uint64_t first_op) const {
  WorkerConfig config;
  config.target = settings_.target;
  config.place = stage_->place();
  config.seed = settings_.seed;
  config.first_op = first_op;
  config.control = stage_->control_file();
  return config;
}

base::Status Trial::prepare() {
  snapshots_.take(Phase::kSetup);
  Crew crew(*stage_, setup_policy_, collector_, worker_config(kSetupOps));
  WorkerThread thread;
  thread.client = kSetupClient;
  for (std::uint64_t slot = 0; slot < kPrepared; ++slot) thread.slots.push_back(slot);
  if (base::Status started = crew.start({thread}); !started) return started;
  if (base::Status done = attend(crew, *stage_, {.what = "the preparation"}, interrupted_); !done) {
    return done;
  }
  collector_.with([&](const Evidence& evidence) {
    for (const Operation& op : evidence.operations) {
      if (op.outcome == OpOutcome::kOk) agents_.push_back(op.agent);
    }
  });
  if (agents_.size() != kPrepared) {
    return base::fail(base::Errc::kUnavailable, "{} of {} agents could be prepared", agents_.size(),
                      kPrepared);
  }
  if (base::Status planted = canaries_.plant(); !planted) return planted;
  canaries_.remember();
  return settings_.op == "repair" ? end_a_session() : base::Status();
}

/// Something to repair.
base::Status Trial::end_a_session() {
  const auto look = [&]() -> std::optional<ObservedSession> {
    const SessionsView view = stage_->probe().look();
    const auto found = std::ranges::find(view.sessions, agents_.front(), &ObservedSession::agent);
    return found == view.sessions.end() || !found->alive ? std::nullopt : std::optional(*found);
  };
  std::optional<ObservedSession> session;
  // An acknowledged agent may still be on its way from a shell to its own program.
  (void)poll_until(kGrace, [&] { return interrupted_ || (session = look()).has_value(); });
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "session-kill";
  fault.agent = agents_.front();
  if (!session || stage_->probe().kill_session(*session) == Struck::kNothingThere) {
    return base::fail(base::Errc::kUnavailable, "the session of {} is not there to be ended",
                      agents_.front());
  }
  fault.detail = fmt::format("session {} (pid {})", session->name, session->pid);
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(std::move(fault)); });
  if (!poll_until(kGrace, [&] { return !look(); })) {
    return base::fail(base::Errc::kTimeout, "the session {} does not end", session->name);
  }
  return {};
}

ScriptStep Trial::spawn_step(std::uint64_t number) const {
  ScriptStep step;
  step.kind = "spawn";
  step.task = stage_->target().tasks().front();
  step.type = fmt::format("worker{}", number);
  return step;
}

ScriptStep Trial::step() const {
  if (settings_.op == "spawn") return spawn_step(kPrepared);
  ScriptStep step;
  step.kind = settings_.op;
  if (settings_.op != "repair") step.agent = agents_.front();
  return step;
}

base::Status Trial::operate() {
  if (!settings_.with_bystander) return run_operation();
  bystander_ = std::make_unique<CrashBystander>(*stage_, collector_, worker_config(kBystanderOps));
  base::Status done = bystander_->start(spawn_step(kPrepared + 1), interrupted_);
  if (done) done = run_operation();
  return done ? bystander_->finish(limit(), interrupted_) : done;
}

base::Status Trial::run_operation() {
  Policy& policy = point_policy_ ? static_cast<Policy&>(*point_policy_) : trace_policy_;
  Crew crew(*stage_, policy, collector_, worker_config(kOperationOps));
  WorkerThread thread;
  thread.client = kOperationClient;
  thread.state = 1;
  thread.script.push_back(step());
  StallWatch stalls(stage_->control(), stage_->group(), stage_->target().reply_deadline(),
                    collector_);
  RepairRun repair;
  repair.role = "operation";
  repair.at.begin = base::monotonic_ns();
  if (base::Status started = crew.start({thread}); !started) return started;
  const base::Status done =
      attend(crew, *stage_, {.limit = limit(), .stalls = &stalls}, interrupted_);
  repair.at.end = base::monotonic_ns();
  collector_.with([&](Evidence& evidence) {
    if (point_policy_) {
      if (std::optional<Fault> blow = point_policy_->delivered()) {
        repair.ok = false;
        evidence.faults.push_back(std::move(*blow));
      }
    }
    if (settings_.op == "repair") evidence.repairs.push_back(std::move(repair));
  });
  return done;
}

/// What the fault left must not keep others from their work: a lock that its killed holder took
/// along is held against nobody before somebody wants it.
base::Status Trial::spawn_afterwards() {
  WorkerConfig config = worker_config(kAfterwardsOps);
  config.attempts_max = kAttemptsAfterwards;
  Crew crew(*stage_, setup_policy_, collector_, std::move(config));
  WorkerThread thread;
  thread.client = kAfterwardsClient;
  thread.state = 1;
  thread.slots.push_back(kPrepared + 2);
  StallWatch stalls(stage_->control(), stage_->group(), stage_->target().reply_deadline(),
                    collector_);
  if (base::Status started = crew.start({thread}); !started) return started;
  return attend(crew, *stage_,
                {.what = "a spawn after the repair",
                 .limit = kAttemptsAfterwards * limit(),
                 .stalls = &stalls},
                interrupted_);
}

CrashTrial Trial::judge() {
  CrashTrial trial;
  base::Result<std::vector<AgentLife>> lives;
  if (stage_->target().facts().agents_report) {
    lives = read_agent_lives(stage_->place().agent_log, stage_->names());
  }
  if (!lives) collector_.trouble(lives.error().message);
  if (point_policy_) trial.blow = point_policy_->delivered();
  trial.trace = trace_policy_.trace();
  trial.blind_spots = stage_->blind_spots();
  stage_.reset();
  collector_.with([&](Evidence& evidence) {
    if (lives) evidence.lives = std::move(*lives);
    std::ranges::stable_sort(evidence.faults, {}, &Fault::at);
    std::ranges::stable_sort(evidence.operations, {}, &Operation::invoked);
    trial.evidence = std::move(evidence);
  });
  for (const Operation& op : trial.evidence.operations) {
    if (op.client == kOperationClient) trial.reply = op;
  }
  if (victim_ == Victim::kCommand) reopen_killed_commands(trial.evidence);
  const Evidence& evidence = trial.evidence;
  for (const RepairRun& run : evidence.repairs) {
    if (run.role != "repair") continue;
    trial.repaired = run.reported ? *run.reported > 0 : !run.changed_paths.empty();
  }
  trial.invariants = check_all(evidence);
  trial.verdict = overall(evidence, trial.invariants);
  trial.reason = why_unknown(evidence, trial.invariants);
  return trial;
}

}  // namespace

base::Result<CrashTrial> run_crash_trial(const CrashSettings& settings,
                                         const std::filesystem::path& folder,
                                         const CrashPoint* point,
                                         const std::atomic<bool>& interrupted) {
  Stage::Plan plan;
  plan.folder = folder;
  plan.target = settings.target;
  plan.sessions = settings.sessions;
  plan.setup.preload = settings.preload;
  plan.injection = Injection::kSupervisor;
  plan.filter = kPointSet;
  base::Result<std::unique_ptr<Stage>> stage = Stage::build(plan);
  if (!stage) return std::unexpected(stage.error());
  return Trial(settings, std::move(*stage), point, interrupted).run();
}

}  // namespace stress
