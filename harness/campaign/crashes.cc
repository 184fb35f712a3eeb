#include "harness/campaign/crashes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/crash_trial.h"
#include "harness/campaign/run_folder.h"
#include "harness/campaign/settings_fit.h"
#include "harness/check/invariants.h"
#include "harness/check/story.h"
#include "harness/history/codec.h"
#include "harness/supervise/launch.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
using report::PointResult;
using report::PointVerdict;
using report::Verdict;

constexpr int kTriesToReach = 9;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

PointVerdict verdict_of(const CrashTrial& trial, bool with_point) {
  if (trial.verdict == Verdict::kFail) return PointVerdict::kViolation;
  if (trial.verdict != Verdict::kPass) return PointVerdict::kUnknown;
  if (with_point && !trial.blow) return PointVerdict::kNotReached;
  return trial.repaired ? PointVerdict::kRecovered : PointVerdict::kOk;
}

std::set<std::string> broken_ids(const PointResult& result) {
  std::set<std::string> ids;
  for (const report::InvariantResult& broken : result.broken) ids.insert(broken.id);
  return ids;
}

/// Of a violating trial its history stays, and what the target and its agents left.
base::Status keep(const CrashTrial& trial, const fs::path& folder) {
  std::error_code ignored;
  for (const char* part : {"history-parts", "home", "tmp"}) fs::remove_all(folder / part, ignored);
  fs::remove(folder / "logs" / "control", ignored);
  return store_history(trial.evidence, folder / "history.jsonl");
}

class Campaign {
 public:
  Campaign(const CrashSettings& settings, CrashProgress& progress,
           const std::atomic<bool>& interrupted, fs::path results)
      : settings_(settings),
        progress_(progress),
        interrupted_(interrupted),
        results_(std::move(results)) {}

  base::Result<report::Crashes> run();

 private:
  base::Result<PointResult> record();
  base::Status select();
  base::Status run_points();
  base::Result<PointResult> run_point(const CrashPoint& point);
  base::Result<PointResult> run_once(const CrashPoint* point, const fs::path& folder);
  [[nodiscard]] PointResult described(const CrashPoint& point) const;
  void conclude();
  void describe_setting();

  const CrashSettings& settings_;
  CrashProgress& progress_;
  const std::atomic<bool>& interrupted_;
  fs::path results_;
  Clock::time_point begun_ = Clock::now();
  report::Crashes report_;
  CallTrace trace_;
  std::vector<CrashPoint> points_;
  std::set<BlindSpotNote> blind_spots_;
};

base::Result<report::Crashes> Campaign::run() {
  report_.started_at = base::to_iso8601(base::wall_now());
  progress_.began(settings_.seed, results_.string());
  base::Result<PointResult> control = record();
  if (!control) return std::unexpected(control.error());
  report_.control = std::move(*control);
  points_ = plan_points(trace_, settings_.errors);
  for (const RecordedCall& recorded : trace_) report_.calls.push_back(recorded.call.words);
  if (base::Status selected = select(); !selected) return std::unexpected(selected.error());
  for (const CrashPoint& point : points_) report_.points.push_back(described(point));
  progress_.recorded(report_, report_.control.seconds);
  if (base::Status ran = run_points(); !ran) return std::unexpected(ran.error());
  conclude();
  return report_;
}

/// The operation without a fault: its calls, and the proof that without one nothing is wrong.
base::Result<PointResult> Campaign::record() {
  base::Result<PointResult> result = run_once(nullptr, results_ / "points" / "000");
  if (!result) return result;
  if (interrupted_) {
    return base::fail(base::Errc::kTimeout, "interrupted before the operation was recorded");
  }
  result->at = "no fault";
  result->variant = "-";
  if (trace_.empty()) {
    return base::fail(base::Errc::kInvalid, "the {} of target {} made no call that is watched{}",
                      settings_.op, settings_.target,
                      result->reason.empty() ? "" : ": " + result->reason);
  }
  if (settings_.op != "repair" && result->reply != "ok") {
    return base::fail(base::Errc::kInvalid,
                      "the {} of target {} is not acknowledged even without a fault: {}",
                      settings_.op, settings_.target, result->reply);
  }
  return result;
}

base::Status Campaign::select() {
  if (settings_.only == 0) return {};
  const auto found = std::ranges::find(points_, settings_.only, &CrashPoint::number);
  if (found == points_.end()) {
    return base::fail(base::Errc::kInvalid, "--only {}: there are points 1 to {} here",
                      settings_.only, points_.size());
  }
  points_ = {*found};
  return {};
}

PointResult Campaign::described(const CrashPoint& point) const {
  PointResult result;
  result.number = point.number;
  result.at = point.words;
  result.variant = variant_of(point);
  return result;
}

base::Status Campaign::run_points() {
  std::size_t done = 0;
  for (const std::size_t i : spread_order(points_.size())) {
    if (interrupted_ || seconds_since(begun_) > settings_.time_limit_s) return {};
    base::Result<PointResult> result = run_point(points_[i]);
    if (!result) return std::unexpected(result.error());
    if (interrupted_ && result->verdict == PointVerdict::kUnknown) return {};
    report_.points[i] = std::move(*result);
    progress_.judged(report_.points[i], ++done, points_.size());
    if (broken_ids(report_.points[i]).contains(settings_.until)) return {};
  }
  return {};
}

base::Result<PointResult> Campaign::run_point(const CrashPoint& point) {
  const fs::path folder = results_ / "points" / fmt::format("{:03}", point.number);
  base::Result<PointResult> result = run_once(&point, folder);
  // A client of tmux does not send the same number of messages each time.
  for (int again = 0; again < kTriesToReach; ++again) {
    if (!result || result->verdict != PointVerdict::kNotReached || interrupted_) break;
    result = run_once(&point, folder);
  }
  if (!result || result->verdict != PointVerdict::kViolation || interrupted_) return result;
  const base::Result<PointResult> again = run_once(&point, folder / "again");
  if (!again) return again;
  const bool same = again->verdict == result->verdict && broken_ids(*again) == broken_ids(*result);
  result->reproducible = same ? "exact" : "statistical";
  return result;
}

base::Result<PointResult> Campaign::run_once(const CrashPoint* point, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return base::fail_errno(error.value(), "create", folder);
  const auto begun = Clock::now();
  base::Result<CrashTrial> trial = run_crash_trial(settings_, folder, point, interrupted_);
  if (!trial) return std::unexpected(trial.error());
  PointResult result = point == nullptr ? PointResult{} : described(*point);
  result.verdict = verdict_of(*trial, point != nullptr);
  result.reason = trial->reason;
  if (result.verdict == PointVerdict::kViolation) {  // what a baseline may leave of it
    std::vector<report::InvariantResult> others = trial->invariants;
    std::erase_if(others, [](const auto& one) { return one.verdict == Verdict::kFail; });
    result.reason = why_unknown(trial->evidence, others);
  }
  if (trial->blow) result.blow = trial->blow->detail;
  result.reply = "-";
  if (trial->reply) {
    result.reply = trial->reply->completed ? check::to_string(trial->reply->outcome) : "none";
    if (point == nullptr && trial->reply->outcome != OpOutcome::kOk) {
      result.reply += ": " + trial->reply->error;
    }
  }
  std::ranges::copy_if(
      trial->invariants, std::back_inserter(result.broken),
      [](const report::InvariantResult& one) { return one.verdict == Verdict::kFail; });
  if (point == nullptr) trace_ = std::move(trial->trace);
  blind_spots_.insert(trial->blind_spots.begin(), trial->blind_spots.end());
  if (result.verdict == PointVerdict::kViolation || result.verdict == PointVerdict::kUnknown) {
    if (base::Status kept = keep(*trial, folder); !kept) return std::unexpected(kept.error());
  } else {
    fs::remove_all(folder, error);
  }
  result.seconds = seconds_since(begun);
  return result;
}

void Campaign::describe_setting() {
  report_.version = SPAWNSTORM_VERSION;
  report_.target = settings_.target;
  report_.operation = settings_.op;
  report_.sessions = settings_.sessions;
  report_.seed = settings_.seed;
  report_.only = settings_.only;
  report_.command = settings_.command;
  const bool command = !trace_.empty() && trace_.front().op.command != 0;
  report_.victim = command ? "the command that the worker runs" : "the worker process";
  report_.notes.emplace_back(
      "watched: system calls; not seen: changes of owner, time and extended attributes");
  if (settings_.with_bystander) {
    report_.notes.emplace_back(
        "beside each run of the operation another process stood in the middle of a spawn, and went "
        "on afterwards");
  }
  report_.notes.emplace_back(
      settings_.sessions == "tmux"
          ? "the tmux server is started by the harness, outside of supervision: what runs in its "
            "panes (a gate, the agent) is not supervised"
          : "detached processes (a gate, the agent) are supervised, but from their first exec on "
            "their calls are no points of the operation");
  for (const BlindSpotNote& note : blind_spots_) report_.notes.push_back(note.words);
}

void Campaign::conclude() {
  describe_setting();
  const auto judged = [](const PointResult& point) {
    return point.verdict == PointVerdict::kOk || point.verdict == PointVerdict::kRecovered ||
           point.verdict == PointVerdict::kViolation;
  };
  const bool all = std::ranges::all_of(report_.points, judged) && judged(report_.control);
  const bool missed = std::ranges::any_of(blind_spots_, &BlindSpotNote::missed);
  report_.exhaustive = all && settings_.only == 0 && !missed;
  const bool violated = report::count_of(report_, PointVerdict::kViolation) > 0 ||
                        report_.control.verdict == PointVerdict::kViolation;
  report_.verdict = violated ? Verdict::kFail : all ? Verdict::kPass : Verdict::kUnknown;
  const bool statistical = std::ranges::any_of(report_.points, [](const PointResult& point) {
    return point.verdict == PointVerdict::kViolation && point.reproducible != "exact";
  });
  report_.reproducible = statistical ? "statistical" : "exact";
  report_.duration_s = seconds_since(begun_);
}

}  // namespace

std::string problem_with(const CrashSettings& settings) {
  static constexpr std::array<std::string_view, 4> kOps = {"spawn", "update", "kill", "repair"};
  if (std::ranges::find(kOps, settings.op) == kOps.end()) {
    return fmt::format("--op must be one of {}, not '{}'", fmt::join(kOps, ", "), settings.op);
  }
  if (!settings.sessions.empty() && settings.sessions != "tmux" && settings.sessions != "process") {
    return fmt::format("--sessions must be tmux or process, not '{}'", settings.sessions);
  }
  std::vector<std::string> invariants = invariant_ids();
  invariants.insert(invariants.end(), {"bystander-unharmed", "usable-afterwards"});
  if (!settings.until.empty() &&
      std::ranges::find(invariants, settings.until) == invariants.end()) {
    return fmt::format("--until must be one of {}, not '{}'", fmt::join(invariants, ", "),
                       settings.until);
  }
  if (settings.only < 0) return "--only must be the number of a point, from 1";
  if (settings.time_limit_s <= 0) return "--time-limit must be positive";
  return {};
}

base::Result<CrashesResult> run_crashes(const CrashSettings& asked, CrashProgress& progress,
                                        const std::atomic<bool>& interrupted) {
  const base::Result<CrashSettings> fitted = fit_to_target(asked);
  if (!fitted) return std::unexpected(fitted.error());
  const CrashSettings& settings = *fitted;
  if (const base::Status possible = probe_supervision(); !possible) {
    return base::fail(base::Errc::kUnavailable, "crash points need the supervisor: {}",
                      possible.error().message);
  }
  const base::Result<fs::path> results =
      make_results_folder(settings.out, "crashes-" + settings.op);
  if (!results) return std::unexpected(results.error());
  base::Result<report::Crashes> report = Campaign(settings, progress, interrupted, *results).run();
  std::error_code ignored;
  fs::remove(*results / "points", ignored);  // where nothing is kept in it
  if (!report) return std::unexpected(report.error());
  return CrashesResult{std::move(*report), *results};
}

}  // namespace stress
