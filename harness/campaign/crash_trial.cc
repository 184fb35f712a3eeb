#include "harness/campaign/crash_trial.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "harness/campaign/agent_lives.h"
#include "harness/campaign/canaries.h"
#include "harness/campaign/closing.h"
#include "harness/campaign/crew.h"
#include "harness/campaign/killed_commands.h"
#include "harness/campaign/stalls.h"
#include "harness/check/invariants.h"
#include "harness/fault/hold_policy.h"
#include "harness/fault/point_policy.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kSetupOps = 1;
constexpr std::uint64_t kBystanderOps = 500'000'000;
constexpr std::uint64_t kOperationOps = 1'000'000'000;
constexpr std::uint64_t kPrepared = 2;
constexpr auto kGrace = 60s;
constexpr auto kBeyondTheDeadline = 10s;

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
  base::Status start_bystander();
  base::Status let_bystander_finish();
  void judge_bystander(CrashTrial& trial) const;
  [[nodiscard]] ScriptStep step() const;
  [[nodiscard]] WorkerConfig worker_config(std::uint64_t first_op) const;
  base::Status await(Crew& crew, StallWatch* stalls, std::chrono::milliseconds limit);
  CrashTrial judge();

  const CrashSettings& settings_;
  const std::atomic<bool>& interrupted_;
  Victim victim_;
  Collector collector_;
  ProceedAlways setup_policy_;
  TracePolicy trace_policy_;
  std::optional<PointPolicy> point_policy_;
  std::optional<HoldPolicy> hold_policy_;
  std::unique_ptr<Stage> stage_;
  std::optional<Crew> bystander_;
  Snapshots snapshots_;
  Canaries canaries_;
  std::vector<std::string> agents_;  ///< the prepared ones
};

CrashTrial Trial::run() {
  collector_.with([&](Evidence& evidence) {
    evidence.run = {
        settings_.seed,
        SPAWNSTORM_VERSION,
        "explore",
        stage_->target().facts(),
        kPrepared + (settings_.op == "spawn" ? 1u : 0u) + (settings_.with_bystander ? 1u : 0u),
        false};
  });
  base::Status done = prepare();
  if (done && settings_.with_bystander) done = start_bystander();
  if (done) done = operate();
  if (done && settings_.with_bystander) done = let_bystander_finish();
  if (done) {
    close_run(*stage_, snapshots_, canaries_, collector_, "none");
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
  if (base::Status done = await(crew, nullptr, kGrace); !done) return done;
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
  const std::optional<ObservedSession> session = look();
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
  const auto deadline = Clock::now() + kGrace;
  while (look()) {
    if (Clock::now() > deadline) {
      return base::fail(base::Errc::kTimeout, "the session {} does not end", session->name);
    }
    reap_adopted();
    std::this_thread::sleep_for(5ms);
  }
  return {};
}

ScriptStep Trial::step() const {
  ScriptStep step;
  step.kind = settings_.op;
  if (settings_.op == "spawn") {
    step.task = stage_->target().tasks().front();
    step.type = fmt::format("worker{}", kPrepared);
  } else if (settings_.op != "repair") {
    step.agent = agents_.front();
  }
  return step;
}

base::Status Trial::operate() {
  Policy& policy = point_policy_ ? static_cast<Policy&>(*point_policy_) : trace_policy_;
  Crew crew(*stage_, policy, collector_, worker_config(kOperationOps));
  crew.stand_down();
  WorkerThread thread;
  thread.client = "operation";
  thread.state = 1;
  thread.script.push_back(step());
  StallWatch stalls(stage_->control(), stage_->group(), stage_->target().reply_deadline(),
                    collector_);
  RepairRun repair;
  repair.role = "operation";
  repair.at.begin = base::monotonic_ns();
  if (base::Status started = crew.start({thread}); !started) return started;
  const base::Status done =
      await(crew, &stalls, stage_->target().reply_deadline() + kBeyondTheDeadline);
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

/// Another spawn by another process, which stands still in its middle while the operation is made.
base::Status Trial::start_bystander() {
  hold_policy_.emplace(stage_->threads(), stage_->classifier(),
                       stage_->target().runs_commands() ? Victim::kCommand : Victim::kLaunched,
                       settings_.sessions == "tmux" ? Middle::kSessionHost : Middle::kFirstCommit);
  bystander_.emplace(*stage_, *hold_policy_, collector_, worker_config(kBystanderOps));
  bystander_->stand_down();
  WorkerThread thread;
  thread.client = "bystander";
  thread.state = 2;
  ScriptStep step;
  step.kind = "spawn";
  step.task = stage_->target().tasks().front();
  step.type = fmt::format("worker{}", kPrepared + 1);
  thread.script.push_back(step);
  if (base::Status started = bystander_->start({thread}); !started) return started;
  const auto deadline = Clock::now() + kGrace;
  while (!hold_policy_->holding()) {
    if (!bystander_->tend(5ms)) {
      return base::fail(base::Errc::kUnavailable,
                        "the bystander's spawn came to its end without a moment that would be its "
                        "middle");
    }
    if (interrupted_ || Clock::now() > deadline) {
      return base::fail(base::Errc::kTimeout, "the bystander did not come to its middle");
    }
  }
  return {};
}

base::Status Trial::let_bystander_finish() {
  stage_->engine().end_pauses();
  return await(*bystander_, nullptr, stage_->target().reply_deadline() + kBeyondTheDeadline);
}

/// No fault was aimed at it, so it must have succeeded.
void Trial::judge_bystander(CrashTrial& trial) const {
  const auto found = std::ranges::find_if(
      trial.evidence.operations, [](const Operation& op) { return op.client == "bystander"; });
  if (found == trial.evidence.operations.end() || found->outcome == OpOutcome::kOk) return;
  report::InvariantResult harmed;
  harmed.id = "bystander-unharmed";
  harmed.verdict = report::Verdict::kFail;
  harmed.checked = harmed.violations_total = 1;
  harmed.evidence = "1 spawn of another process";
  harmed.violations.push_back(
      {.summary = fmt::format("The spawn of another process, in its middle meanwhile, was not "
                              "acknowledged: {}",
                              found->error.empty() ? "no reply" : found->error)});
  trial.invariants.push_back(std::move(harmed));
  trial.verdict = report::Verdict::kFail;
}

/// Until its worker has ended; it is killed where that takes too long.
base::Status Trial::await(Crew& crew, StallWatch* stalls, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (crew.tend(20ms)) {
    reap_adopted();
    const bool stalled = stalls != nullptr && stalls->look();
    const bool late = Clock::now() > deadline;
    if (!stalled && !late && !interrupted_) continue;
    crew.stand_down();
    for (const std::uint32_t root : crew.workers()) stage_->engine().signal(root, SIGKILL);
    if (interrupted_) return base::fail(base::Errc::kTimeout, "interrupted");
    return base::fail(base::Errc::kTimeout, "the operation did not end within {} s{}",
                      std::chrono::duration_cast<std::chrono::seconds>(limit).count(),
                      stalled ? ": it is stuck" : "");
  }
  return {};
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
    if (op.id >= kOperationOps) trial.reply = op;
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
  if (evidence.finished && settings_.with_bystander) judge_bystander(trial);
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
