#include "harness/campaign/storm.h"

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/agent_lives.h"
#include "harness/campaign/agent_processes.h"
#include "harness/campaign/attend.h"
#include "harness/campaign/canaries.h"
#include "harness/campaign/closing.h"
#include "harness/campaign/crew.h"
#include "harness/campaign/killed_commands.h"
#include "harness/campaign/nemesis.h"
#include "harness/campaign/poll.h"
#include "harness/campaign/random_kills.h"
#include "harness/campaign/settings_fit.h"
#include "harness/campaign/stalls.h"
#include "harness/campaign/storm_workload.h"
#include "harness/campaign/strangers.h"
#include "harness/campaign/summary.h"
#include "harness/choice/choice.h"
#include "harness/fault/fault_policy.h"
#include "harness/fault/load_audit.h"
#include "harness/supervise/reaper.h"
#include "harness/supervise/room.h"
#include "harness/target/target_file.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kProfileOps = 1;
constexpr std::uint64_t kSecondWorkspaceOps = 500'000'000;
constexpr std::uint64_t kStormOps = 1'000'000'000;
constexpr auto kGrace = 60s;

std::uint64_t share(double rate, std::uint64_t of) {
  return static_cast<std::uint64_t>(std::llround(rate * static_cast<double>(of)));
}

/// One storm from beginning to end.
class Storm {
 public:
  Storm(const StormSettings& settings, std::unique_ptr<Stage> stage, Progress& progress,
        const std::atomic<bool>& interrupted)
      : settings_(settings),
        progress_(progress),
        interrupted_(interrupted),
        choice_(settings.seed),
        spawns_(spawns_required(settings)),
        doubled_(drawn("duplicates", settings.duplicate_rate)),
        stage_(std::move(stage)),
        snapshots_(stage_->target(), collector_, stage_->names()),
        canaries_(stage_->probe(), stage_->place(), stage_->naming(), &stage_->second_target(),
                  stage_->second_place().workspace) {}

  StormResult run();

 private:
  base::Status rage();
  base::Status learn_path();
  Policy& stack_policies();
  base::Status plant_canaries();
  base::Status run_single_spawn(Policy& policy, const RunPlace& place, std::uint64_t first_op,
                                Collector& collector);
  [[nodiscard]] std::set<std::uint64_t> drawn(const char* what, double rate) const;
  StormPolicy::Pauses pauses() const;
  base::Status start_workers(Crew& crew) const;
  base::Status renew_server(Nemesis& nemesis);
  void tend(Crew& crew);
  void end_workers(Crew& crew, StallWatch& stalls);
  void kill_workers(Crew& crew);
  void show();
  StormResult judge();

  [[nodiscard]] bool supervised() const { return stage_->unsupervised_because().empty(); }
  [[nodiscard]] std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_);
  }

  const StormSettings& settings_;
  Progress& progress_;
  const std::atomic<bool>& interrupted_;
  Choice choice_;
  std::uint64_t spawns_;
  std::set<std::uint64_t> doubled_;  ///< spawns that are requested twice
  Clock::time_point begun_ = Clock::now();
  std::string started_at_ = base::to_iso8601(base::wall_now());
  PathProfile profile_;
  bool cut_short_ = false;

  Collector collector_;
  ProceedAlways bystander_policy_;
  std::optional<ProfilePolicy> profile_policy_;
  std::optional<StormPolicy> policy_;
  std::optional<FaultPolicy> fault_policy_;
  std::optional<LoadAudit> audit_;
  std::unique_ptr<Stage> stage_;
  std::optional<RandomKills> random_kills_;  ///< where there is no supervisor
  Snapshots snapshots_;
  Canaries canaries_;
  Strangers strangers_;
};

StormResult Storm::run() {
  progress_.began(settings_.seed, stage_->folder().results().string());
  collector_.with([&](Evidence& evidence) {
    evidence.run = {settings_.seed, SPAWNSTORM_VERSION,
                    "storm",        stage_->target().facts(),
                    spawns_,        settings_.count_loads && supervised()};
  });
  if (base::Status raged = rage(); !raged) {
    collector_.trouble(raged.error().message);
  } else if (!cut_short_) {
    progress_.phase("repair and check");
    close_run(*stage_, snapshots_, canaries_, collector_, settings_.damage);
  }
  snapshots_.stop();
  strangers_.compare(collector_);
  strangers_.end();
  return judge();
}

/// By a worker of its own, outside of the storm's numbering.
base::Status Storm::run_single_spawn(Policy& policy, const RunPlace& place, std::uint64_t first_op,
                                     Collector& collector) {
  Crew crew(*stage_, policy, collector,
            worker_config(settings_, place, stage_->control_file(), first_op));
  const WorkerThread thread{kSetupClient, kThreadsMax - 1, {spawns_}, {}};
  if (base::Status started = crew.start({thread}); !started) return started;
  return attend(crew, *stage_, {.what = "the first spawn of all"}, interrupted_);
}

base::Status Storm::learn_path() {
  profile_policy_.emplace(stage_->threads(), stage_->classifier());
  Policy& policy = *profile_policy_;
  base::Status done = run_single_spawn(policy, stage_->place(), kProfileOps, collector_);
  profile_ = profile_policy_->profile();
  return done;
}

base::Status Storm::plant_canaries() {
  Collector of_the_other_workspace;
  if (base::Status done = run_single_spawn(bystander_policy_, stage_->second_place(),
                                           kSecondWorkspaceOps, of_the_other_workspace);
      !done) {
    return done;
  }
  of_the_other_workspace.with([&](const Evidence& other) {
    for (const Trouble& trouble : other.troubles) collector_.trouble(trouble.what);
  });
  base::Status planted = canaries_.plant();
  if (planted) canaries_.remember();
  return planted;
}

/// Which spawns something falls upon that befalls this share of them.
std::set<std::uint64_t> Storm::drawn(const char* what, double rate) const {
  const std::vector<std::uint64_t> slots = choice_.of(what).sample(spawns_, share(rate, spawns_));
  return {slots.begin(), slots.end()};
}

StormPolicy::Pauses Storm::pauses() const {
  int points = 0;
  for (const int count : profile_.occurrences) points += count;
  return {drawn("pauses", settings_.pause_rate), std::max(points, 1)};
}

base::Status Storm::rage() {
  progress_.phase("setup");
  snapshots_.take(Phase::kSetup);
  if (base::Status done = learn_path(); !done) return done;
  if (base::Status done = plant_canaries(); !done) return done;
  CrashPlan plan(choice_.of("crash"), settings_.crash_rate, spawns_, profile_,
                 settings_.crash_points);
  if (settings_.crash_rate > 0 && supervised() && plan.drawn().empty() &&
      share(settings_.crash_rate, spawns_) > 0) {
    return base::fail(base::Errc::kInvalid,
                      "none of the crash points asked for lies on the path of a spawn here");
  }
  policy_.emplace(stage_->threads(), stage_->classifier(), std::move(plan), pauses(), choice_);

  Crew crew(
      *stage_, stack_policies(), collector_,
      with_other_operations(
          worker_config(settings_, stage_->place(), stage_->control_file(), kStormOps), settings_));
  const Nemesis::Plan evils{.session_kills = share(settings_.kill_session_rate, spawns_),
                            .server_kills = share(settings_.kill_server_rate, spawns_),
                            .full_disks = share(settings_.full_disk_rate, spawns_),
                            .reused_pids = share(settings_.reuse_pid_rate, spawns_),
                            .spawns = spawns_};
  Nemesis nemesis(evils, choice_, {stage_->probe(), stage_->disk(), strangers_}, stage_->control(),
                  collector_);
  progress_.phase("storm");
  stage_->control().acknowledged = 0;
  if (stage_->target().facts().live_snapshots) snapshots_.start();
  if (!supervised()) {
    random_kills_.emplace(*stage_, collector_, choice_, share(settings_.crash_rate, spawns_),
                          spawns_);
    random_kills_->tend(crew);
  }
  if (base::Status started = start_workers(crew); !started) return started;
  nemesis.start();
  tend(crew);
  if (cut_short_) nemesis.abandon();
  nemesis.stop();
  snapshots_.stop();
  return nemesis.server_was_killed() && !cut_short_ ? renew_server(nemesis) : base::Status();
}

/// The strangers on a killed server died with it, by our hand. New ones watch over the repair, on a
/// new server or, for half of the seeds, beside none: then the repair must do without one.
base::Status Storm::renew_server(Nemesis& nemesis) {
  const bool stays_dead = choice_.of("server stays dead").chance(0.5) && nemesis.end_server();
  if (stays_dead) {
    poll_until(10s, [&] {
      const auto living =
          living_agents(stage_->group(), stage_->place().agent_log, stage_->names());
      return living && living->empty();
    });
  } else if (base::Status started = stage_->probe().start_server(); !started) {
    return started;
  }
  base::Status planted = canaries_.plant(stays_dead ? Canaries::Where::kBesideNoServer
                                                    : Canaries::Where::kOnTheServer);
  if (planted) canaries_.remember();
  return planted;
}

base::Status Storm::start_workers(Crew& crew) const {
  for (std::vector<WorkerThread>& process : spawners(settings_, spawns_, doubled_)) {
    if (base::Status started = crew.start(std::move(process)); !started) return started;
  }
  return {};
}

/// The one that hears of a call first: it answers, or asks the next.
Policy& Storm::stack_policies() {
  Policy* outer = &*policy_;
  if (!settings_.faults.empty()) {
    std::vector<FaultSpec> plan;
    for (const std::string& text : settings_.faults) {
      if (base::Result<FaultSpec> spec = parse_fault(text)) plan.push_back(*std::move(spec));
    }
    outer = &fault_policy_.emplace(*outer, stage_->threads(), stage_->classifier(), plan, choice_);
  }
  if (!settings_.count_loads) return *outer;
  return audit_.emplace(*outer, stage_->threads(), stage_->target().observer().map().file);
}

void Storm::tend(Crew& crew) {
  StallWatch stalls(stage_->control(), stage_->group(), stage_->target().reply_deadline(),
                    collector_);
  const auto end = settings_.duration_s > 0
                       ? Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                            std::chrono::duration<double>(settings_.duration_s))
                       : Clock::time_point::max();
  while (crew.tend(supervised() ? 20ms : 2ms)) {
    reap_adopted();
    show();
    if (random_kills_) random_kills_->tend(crew);
    if (Clock::now() >= end) break;
    if (interrupted_) {
      cut_short_ = true;
      collector_.trouble("interrupted");
      break;
    }
    if (std::chrono::duration<double>(elapsed()).count() > settings_.time_limit_s) {
      cut_short_ = true;
      collector_.trouble(fmt::format("the time limit of {} s was reached", settings_.time_limit_s));
      break;
    }
    if (stalls.look()) {
      cut_short_ = true;
      break;
    }
  }
  end_workers(crew, stalls);
}

void Storm::end_workers(Crew& crew, StallWatch& stalls) {
  stage_->control().stop = 1;
  stage_->engine().end_pauses();
  if (cut_short_) kill_workers(crew);
  auto deadline = Clock::now() + kGrace;
  while (crew.tend(20ms)) {
    reap_adopted();
    if (!cut_short_ && stalls.look()) {
      cut_short_ = true;
      kill_workers(crew);
    }
    if (Clock::now() < deadline) continue;
    if (!cut_short_) {
      collector_.trouble("workers did not end within 60 s of being told to");
      cut_short_ = true;
      kill_workers(crew);
      deadline = Clock::now() + kGrace;
      continue;
    }
    collector_.trouble("workers outlived their SIGKILL by 60 s");
    return;
  }
}

void Storm::kill_workers(Crew& crew) {
  crew.stand_down();
  for (const std::uint32_t root : crew.workers()) stage_->engine().signal(root, SIGKILL);
}

void Storm::show() {
  Status status;
  status.acknowledged = stage_->control().acknowledged;
  status.required = settings_.duration_s > 0 ? 0 : spawns_;
  status.crashes = policy_->crashes_injected() + (random_kills_ ? random_kills_->done() : 0);
  status.faults = collector_.with([](const Evidence& evidence) { return evidence.faults.size(); });
  if (fault_policy_) status.faults += fault_policy_->injected();
  status.seconds = std::chrono::duration<double>(elapsed()).count();
  status.seconds_left = settings_.time_limit_s - status.seconds;
  progress_.status(status);
}

StormResult Storm::judge() {
  StormResult result;
  result.results = stage_->folder().results();
  base::Result<std::vector<AgentLife>> lives;
  if (stage_->target().facts().agents_report) {
    lives = read_agent_lives(stage_->place().agent_log, stage_->names());
  }
  if (!lives) collector_.trouble(lives.error().message);
  if (base::Status kept = stage_->bring_workspace_home(); !kept) {
    collector_.trouble(kept.error().message);
  }
  collector_.with([&](Evidence& evidence) {
    if (lives) evidence.lives = std::move(*lives);
    if (settings_.count_loads && supervised() && audit_) evidence.loads = audit_->loads();
    if (policy_) {
      const std::vector<Fault> injected = policy_->faults();
      evidence.faults.insert(evidence.faults.end(), injected.begin(), injected.end());
    }
    if (fault_policy_) {
      const std::vector<Fault> injected = fault_policy_->faults();
      evidence.faults.insert(evidence.faults.end(), injected.begin(), injected.end());
    }
    if (stage_->classifier().commands) reopen_killed_commands(evidence);
    std::ranges::stable_sort(evidence.faults, {}, &Fault::at);
    std::ranges::stable_sort(evidence.operations, {}, &Operation::invoked);
    if (settings_.duration_s > 0) {
      evidence.run.spawns_required = count_totals(evidence).spawns_acknowledged;
    }
    result.evidence = std::move(evidence);
  });
  CrashAccount crashes;
  if (policy_ && supervised()) crashes.drawn = policy_->drawn();
  if (fault_policy_) crashes.planned = fault_policy_->planned();
  if (random_kills_) crashes.random = random_kills_->done();
  crashes.unsupervised_because = stage_->unsupervised_because();
  const std::set<BlindSpotNote> blind_spots = stage_->blind_spots();
  stage_.reset();
  result.report = make_report(settings_, result.evidence, crashes);
  result.report.started_at = started_at_;
  for (const BlindSpotNote& note : blind_spots) result.report.notes.push_back(note.words);
  result.report.duration_s = std::chrono::duration<double>(elapsed()).count();
  return result;
}

}  // namespace

base::Result<StormResult> run_storm(const StormSettings& asked, Injection injection,
                                    Progress& progress, const std::atomic<bool>& interrupted) {
  const base::Result<StormSettings> fitted = fit_to_target(asked);
  if (!fitted) return std::unexpected(fitted.error());
  const StormSettings& settings = *fitted;
  if (!faults_in_room(settings).empty() && !in_room()) {
    return base::fail(base::Errc::kUnavailable, "{}: in a room only (see run_in_room)",
                      fmt::join(faults_in_room(settings), ", "));
  }
  base::Result<std::unique_ptr<Stage>> stage = Stage::build(stage_plan(settings, injection));
  if (!stage) return std::unexpected(stage.error());
  if (!settings.faults.empty() && !(*stage)->unsupervised_because().empty()) {
    return base::fail(base::Errc::kUnavailable, "--fault needs the supervisor: {}",
                      (*stage)->unsupervised_because());
  }
  return Storm(settings, std::move(*stage), progress, interrupted).run();
}

}  // namespace stress
