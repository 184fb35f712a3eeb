#include "harness/explore/explore.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/run_folder.h"
#include "harness/check/invariants.h"
#include "harness/explore/coverage.h"
#include "harness/explore/feed.h"
#include "harness/explore/fit.h"
#include "harness/explore/replays.h"
#include "harness/explore/requests.h"
#include "harness/explore/shrink.h"
#include "harness/explore/team.h"
#include "harness/schedule/strategies.h"
#include "harness/supervise/launch.h"
#include "harness/target/target.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using report::Verdict;

/// Shrinking may go on for so long, whatever the time limit.
constexpr double kShrinkAtLeast_s = 60;
constexpr int kReplays = 3;
constexpr std::size_t kFailuresMax = 10;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

class Campaign {
 public:
  Campaign(const ExploreSettings& settings, ExploreProgress& progress,
           const std::atomic<bool>& interrupted, fs::path results)
      : settings_(settings),
        progress_(progress),
        interrupted_(interrupted),
        results_(std::move(results)) {}

  base::Result<report::Exploration> run();

 private:
  struct Found {
    Failure failure;
    std::string how;
    double after_s = 0;
  };
  base::Status run_to_its_end();
  base::Status record();
  base::Status explore();
  bool take(const SchedulePlan& plan, ScheduleResult result);
  void note_failure(const SchedulePlan& plan, ScheduleResult result);
  [[nodiscard]] bool found_what_was_asked() const;
  base::Status finish_failures();
  base::Result<report::FailingSchedule> finish(const Found& found, std::size_t number);
  void describe_setting();
  void conclude();
  [[nodiscard]] bool time_is_over() const { return seconds_since(begun_) > settings_.time_limit_s; }

  const ExploreSettings& settings_;
  ExploreProgress& progress_;
  const std::atomic<bool>& interrupted_;
  fs::path results_;
  Clock::time_point begun_ = Clock::now();
  Scene scene_;
  std::unique_ptr<Team> team_;
  std::unique_ptr<Feed> feed_;
  report::Exploration report_;
  std::map<std::string, Found> found_;  ///< by the invariants that are broken
  std::set<std::string> blind_spots_;
  std::string first_unknown_;
  std::uint64_t run_again_ = 0;  ///< as they had departed
  bool stopped_ = false;         ///< before all was run
};

base::Result<report::Exploration> Campaign::run() {
  describe_setting();
  progress_.began(settings_.seed, results_.string());
  scene_ = {.target = settings_.target,
            .sessions = settings_.sessions,
            .ops = settings_.ops,
            .agents_at_once = settings_.agents_at_once,
            .begin_in_order = settings_.begin_in_order,
            .prepared = settings_.prepared,
            .types = settings_.types,
            .seed = settings_.seed,
            .folder = results_ / "explorers"};
  const base::Status done = run_to_its_end();
  team_.reset();
  if (!done && !interrupted_) return std::unexpected(done.error());
  conclude();
  return std::move(report_);
}

base::Status Campaign::run_to_its_end() {
  base::Result<std::unique_ptr<Team>> team = Team::start(scene_, settings_.jobs, interrupted_);
  if (!team) return std::unexpected(team.error());
  team_ = std::move(*team);
  if (base::Status done = record(); !done) return done;
  // What was found before an interruption is kept all the same.
  if (base::Status done = explore(); !done && !interrupted_) return done;
  return finish_failures();
}

/// One after the other: how long a run is, and that without any interference nothing is wrong.
base::Status Campaign::record() {
  SchedulePlan plan;
  plan.kind = SchedulePlan::Kind::kPrefix;
  plan.story = true;
  auto results = team_->run_all({plan}, [](const ScheduleResult&) { return false; });
  if (!results) return std::unexpected(results.error());
  ScheduleResult& result = *results->front();
  for (const report::ScheduledOperation& operation : result.story.operations) {
    report_.operations.push_back(operation.words);
    if (operation.outcome != "info" && operation.outcome != "stuck") continue;
    return base::fail(base::Errc::kInvalid,
                      "{} of target {} fails even where nobody interferes: {}", operation.words,
                      settings_.target, operation.reply);
  }
  if (result.verdict == Verdict::kUnknown) {
    return base::fail(base::Errc::kInvalid, "a run where nobody interferes cannot be judged: {}",
                      result.reason);
  }
  report_.tasks = result.tasks;
  report_.steps = static_cast<int>(result.decisions.size());
  feed_ = make_feed(settings_, result.decisions.size());
  progress_.recorded(report_);
  if (result.verdict == Verdict::kFail) {
    plan.id = 0;
    note_failure(plan, std::move(result));
  }
  return {};
}

base::Status Campaign::explore() {
  if (found_what_was_asked() && !settings_.keep_going) return {};
  const auto next = [this]() -> std::optional<SchedulePlan> {
    if (interrupted_ || time_is_over()) {
      stopped_ = true;
      return std::nullopt;
    }
    return feed_->next();
  };
  return team_->run(next, [this](const SchedulePlan& plan, ScheduleResult result) {
    return take(plan, std::move(result));
  });
}

bool Campaign::take(const SchedulePlan& plan, ScheduleResult result) {
  if (feed_->takes_back(plan, result)) {
    ++run_again_;
    return true;
  }
  if (!result.known) {
    ++report_.executed;
    for (const std::string& invariant : result.judged) ++report_.judged[invariant];
  }
  feed_->learn(plan, result);
  report_.pruned = feed_->pruned();
  report_.tasks = std::max(report_.tasks, result.tasks);
  report_.steps = std::max(report_.steps, static_cast<int>(result.decisions.size()));
  blind_spots_.insert(result.blind_spots.begin(), result.blind_spots.end());
  if (result.verdict == Verdict::kUnknown) {
    ++report_.unknown;
    if (first_unknown_.empty()) first_unknown_ = result.reason;
  }
  progress_.ran(report_, seconds_since(begun_), feed_->open());
  if (result.verdict != Verdict::kFail) return true;
  note_failure(plan, std::move(result));
  if (settings_.keep_going || !found_what_was_asked()) return true;
  stopped_ = true;
  return false;
}

bool Campaign::found_what_was_asked() const {
  return std::ranges::any_of(found_, [this](const auto& entry) {
    return settings_.until.empty() || entry.second.failure.invariants.front() == settings_.until;
  });
}

void Campaign::note_failure(const SchedulePlan& plan, ScheduleResult result) {
  ++report_.failing;
  const std::vector<std::string> ids = broken_ids(result);
  const std::string way = fmt::format("{}", fmt::join(ids, " "));
  if (found_.contains(way) || found_.size() == kFailuresMax) return;
  Found found;
  found.failure.plan = plan;
  found.failure.plan.moments = false;
  const bool has_wanted = std::ranges::find(ids, settings_.until) != ids.end();
  found.failure.may_change = settings_.until.empty();
  found.failure.invariants = has_wanted ? std::vector{settings_.until} : ids;
  for (std::size_t i = 0; i < settings_.ops.size(); ++i) {
    found.failure.operations.push_back(operation_label(i));
  }
  found.how = plan.id == 0 ? "one operation after the other" : feed_->how(plan);
  found.after_s = seconds_since(begun_);
  found.failure.result = std::move(result);
  progress_.found(found.failure.invariants.front(), found.how);
  found_.emplace(way, std::move(found));
}

base::Status Campaign::finish_failures() {
  std::size_t number = 0;
  for (const auto& [way, found] : found_) {
    base::Result<report::FailingSchedule> finished = finish(found, ++number);
    if (!finished) return std::unexpected(finished.error());
    report_.failures.push_back(std::move(*finished));
  }
  std::ranges::stable_sort(report_.failures, {}, &report::FailingSchedule::found_after_s);
  return {};
}

/// Shrinks it, keeps it, and runs it again a few times. Whoever interrupts that still has what was
/// found.
base::Result<report::FailingSchedule> Campaign::finish(const Found& found, std::size_t number) {
  const auto begun = Clock::now();
  base::Result<Failure> small = shrink(found.failure, *team_, settings_.shrink_runs, [&] {
    return interrupted_ || (time_is_over() && seconds_since(begun) > kShrinkAtLeast_s);
  });
  if (!small) return std::unexpected(small.error());
  const std::vector<std::string> broken = broken_ids(small->result);
  base::Result<Replays> replays = replay(small->plan, broken, kReplays, *team_);
  if (!replays && !interrupted_) return std::unexpected(replays.error());
  if (!replays) replays = Replays{.story = small->result.story};
  report::FailingSchedule schedule = std::move(replays->story);
  if (schedule.broken.empty()) schedule.broken = small->result.broken;
  schedule.found_by = found.how;
  schedule.found_after_s = found.after_s;
  schedule.found = size_of(found.failure);
  schedule.shrunk = size_of(*small);
  schedule.replays = replays->done;
  schedule.replays_same = replays->same;
  schedule.departed = replays->departed;
  schedule.file = fmt::format("failures/{:03}.json", number);
  std::error_code error;
  fs::create_directories(results_ / "failures", error);
  const base::Status stored = store_failure({.version = SPAWNSTORM_VERSION,
                                             .inputs = hash_of_inputs(settings_.target),
                                             .scene = scene_,
                                             .plan = small->plan,
                                             .broken = broken},
                                            results_ / schedule.file);
  if (!stored) return std::unexpected(stored.error());
  return schedule;
}

void Campaign::describe_setting() {
  report_.version = SPAWNSTORM_VERSION;
  report_.target = settings_.target;
  report_.sessions = settings_.sessions;
  report_.strategy = settings_.strategy;
  report_.seed = settings_.seed;
  report_.jobs = settings_.jobs;
  report_.crashes_max = settings_.crashes;
  if (settings_.strategy == "exhaustive") report_.preemptions_max = settings_.preemptions;
  report_.command = settings_.command;
  report_.started_at = base::to_iso8601(base::wall_now());
}

void Campaign::conclude() {
  report_.duration_s = seconds_since(begun_);
  const bool exact = std::ranges::all_of(report_.failures, [](const auto& failure) {
    return failure.replays_same == failure.replays && failure.replays > 0;
  });
  report_.reproducible = exact ? "exact" : "statistical";
  if (settings_.strategy == "exhaustive" && feed_ != nullptr) {
    report_.exhaustive =
        !stopped_ && feed_->open() == 0 && report_.unknown == 0 && blind_spots_.empty();
    const char* why = interrupted_      ? "stopped by an interruption"
                      : !found_.empty() ? "stopped at a failure"
                                        : "stopped at a limit";
    const bool early = stopped_ || feed_->open() > 0;
    report_.coverage =
        coverage_in_words(settings_, report_, feed_->open(), early ? why : "not exhaustive");
  }
  if (settings_.strategy == "pct") {
    report_.guarantee =
        pct_guarantee(report_.tasks, static_cast<std::uint64_t>(report_.steps), settings_.depth);
  }
  for (const std::string& note : blind_spots_) report_.notes.push_back(note);
  if (run_again_ > 0) {
    report_.notes.push_back(fmt::format(
        "runs that departed from what was to be run, and were run again: {}", run_again_));
  }
  if (report_.failing > 0) {
    report_.verdict = Verdict::kFail;
    return;
  }
  report_.reason = interrupted_            ? "interrupted"
                   : report_.unknown > 0   ? first_unknown_
                   : report_.executed == 0 ? "the time was over before the first schedule"
                                           : "";
  report_.verdict = report_.reason.empty() ? Verdict::kPass : Verdict::kUnknown;
}

}  // namespace

std::string problem_with(const ExploreSettings& settings) {
  static constexpr std::array<std::string_view, 4> kStrategies = {"random", "pct", "exhaustive",
                                                                  "swarm"};
  if (std::ranges::find(kStrategies, settings.strategy) == kStrategies.end()) {
    return fmt::format("--strategy must be one of {}, not '{}'", fmt::join(kStrategies, ", "),
                       settings.strategy);
  }
  const std::vector<std::string> invariants = invariant_ids();
  if (!settings.until.empty() &&
      std::ranges::find(invariants, settings.until) == invariants.end()) {
    return fmt::format("--until must be one of {}, not '{}'", fmt::join(invariants, ", "),
                       settings.until);
  }
  if (settings.ops.empty()) return "--ops needs at least one operation";
  if (settings.strategy == "exhaustive" &&
      std::ranges::any_of(settings.ops,
                          [](const std::string& word) { return pause_of(word).has_value(); })) {
    return "--ops pause: what changes while time passes is not known, so --strategy exhaustive "
           "cannot tell where it matters";
  }
  if (settings.depth < 1) return "--depth must be 1 or more";
  if (settings.preemptions < 0) return "--preemptions must not be negative";
  if (settings.shrink_runs < 0) return "--shrink-runs must not be negative";
  if (settings.crashes < 0) return "--crashes must not be negative";
  if (settings.jobs < 1) return "--jobs must be 1 or more";
  if (settings.time_limit_s <= 0) return "--time-limit must be positive";
  return {};
}

base::Result<ExploreResult> run_explore(const ExploreSettings& asked, ExploreProgress& progress,
                                        const std::atomic<bool>& interrupted) {
  const base::Result<ExploreSettings> settings = fit_to_target(asked);
  if (!settings) return std::unexpected(settings.error());
  if (const base::Status possible = probe_supervision(); !possible) {
    return base::fail(base::Errc::kUnavailable, "schedules need the supervisor: {}",
                      possible.error().message);
  }
  const base::Result<fs::path> results = make_results_folder(settings->out, "explore");
  if (!results) return std::unexpected(results.error());
  base::Result<report::Exploration> report =
      Campaign(*settings, progress, interrupted, *results).run();
  std::error_code ignored;
  if (report) fs::remove_all(*results / "explorers", ignored);
  if (!report) return std::unexpected(report.error());
  return ExploreResult{std::move(*report), *results};
}

base::Result<ReplayResult> run_replay(const FailureFile& failure, int times, const fs::path& out,
                                      const std::atomic<bool>& interrupted) {
  if (const base::Status possible = probe_supervision(); !possible) {
    return base::fail(base::Errc::kUnavailable, "schedules need the supervisor: {}",
                      possible.error().message);
  }
  if (const auto target = make_target(failure.scene.target, RunPlace{}); !target) {
    return base::fail_from(target.error(), "the target with which it was found");
  }
  const base::Result<fs::path> results = make_results_folder(out, "replay");
  if (!results) return std::unexpected(results.error());
  ReplayResult replayed;
  if (failure.version != SPAWNSTORM_VERSION) {
    replayed.warnings.push_back(fmt::format("it was found by version {}, and this is {}",
                                            failure.version, SPAWNSTORM_VERSION));
  }
  if (failure.inputs != hash_of_inputs(failure.scene.target)) {
    replayed.warnings.push_back("the target's files are not those with which it was found");
  }
  Scene scene = failure.scene;
  scene.folder = *results / "explorers";
  base::Result<std::unique_ptr<Team>> team = Team::start(scene, 1, interrupted);
  if (!team) return std::unexpected(team.error());
  base::Result<Replays> replays = replay(failure.plan, failure.broken, times, **team);
  if (!replays) return std::unexpected(replays.error());
  team->reset();
  std::error_code ignored;
  fs::remove_all(scene.folder, ignored);
  replayed.schedule = std::move(replays->story);
  replayed.schedule.replays = replays->done;
  replayed.schedule.replays_same = replays->same;
  replayed.schedule.departed = replays->departed;
  replayed.verdict = replays->departed.empty() ? Verdict::kFail : Verdict::kUnknown;
  replayed.reason = replays->departed;
  return replayed;
}

}  // namespace stress
