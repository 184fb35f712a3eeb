#include "harness/cli/baseline.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"
#include "harness/cli/results.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using base::Errc;

bool same_target(const std::string& one, const std::string& other) {
  return one == other || fs::path(one).filename() == fs::path(other).filename();
}

base::Result<std::vector<fs::path>> reports_at(const fs::path& path, const char* name) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return base::fail(Errc::kNotFound, "the baseline {} is not there", path.string());
  }
  if (!fs::is_directory(path, error)) return std::vector{path};
  if (fs::exists(path / name, error)) return std::vector{path / name};
  std::vector<fs::path> files;
  for (auto entry = fs::directory_iterator(path, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path file = entry->path() / name;
    std::error_code ignored;
    if (!entry->is_symlink() && fs::exists(file, ignored)) files.push_back(file);
  }
  if (files.empty()) {
    return base::fail(Errc::kNotFound, "the baseline {} has no {} in it, nor has a folder in it",
                      path.string(), name);
  }
  std::ranges::sort(files);
  return files;
}

/// As if it were a report of a run.
base::Result<report::Report> read_crashes_file(const fs::path& file) {
  base::Result<report::Crashes> crashes = read_result<report::Crashes>(file);
  if (!crashes) return std::unexpected(crashes.error());
  report::Report report;
  report.name = crashes->operation;
  report.version = crashes->version;
  report.target = crashes->target;
  report.invariants = std::move(crashes->control.broken);
  for (report::PointResult& point : crashes->points) {
    std::ranges::move(point.broken, std::back_inserter(report.invariants));
  }
  return report;
}

base::Result<report::Report> read_exploration_file(const fs::path& file) {
  base::Result<report::Exploration> exploration = read_result<report::Exploration>(file);
  if (!exploration) return std::unexpected(exploration.error());
  report::Report report;
  report.name = fmt::format("{}", fmt::join(exploration->operations, ", "));
  report.version = exploration->version;
  report.target = exploration->target;
  for (report::FailingSchedule& failure : exploration->failures) {
    std::ranges::move(failure.broken, std::back_inserter(report.invariants));
  }
  return report;
}

struct Kind {
  const char* file;
  const char* words;
  base::Result<report::Report> (*read)(const fs::path& file);
};

Kind kind_of(BaselineOf of) {
  switch (of) {
    case BaselineOf::kRun:
      break;
    case BaselineOf::kCrashes:
      return {"crashes.json", "crash points", read_crashes_file};
    case BaselineOf::kExploration:
      return {"exploration.json", "an exploration", read_exploration_file};
  }
  return {"report.json", "a run or an audit", read_result<report::Report>};
}

base::Result<StoredReport> load(const fs::path& file, const std::vector<std::string>& targets,
                                const Kind& kind) {
  base::Result<report::Report> report = kind.read(file);
  if (!report) return base::fail_from(report.error(), "the baseline");
  if (report->name.empty()) {
    return base::fail(Errc::kInvalid, "the baseline {} is no report of {}", file.string(),
                      kind.words);
  }
  if (report->version != SPAWNSTORM_VERSION) {
    return base::fail(Errc::kInvalid,
                      "the baseline {} was made by version {}, this is {}: make it anew",
                      file.string(), report->version, SPAWNSTORM_VERSION);
  }
  const auto fits = [&](const std::string& target) { return same_target(report->target, target); };
  if (std::ranges::none_of(targets, fits)) {
    return base::fail(Errc::kInvalid, "the baseline {} is on the target {}, not on {}",
                      file.string(), report->target, fmt::join(targets, ", "));
  }
  return StoredReport{file, *std::move(report)};
}

void add_notes(const report::Baseline& baseline, std::vector<std::string>& notes) {
  notes.push_back(fmt::format(
      "held against a baseline: {}, {}", check::count_of(baseline.known(), "known violation"),
      baseline.fresh() == 0 ? "nothing new" : fmt::format("{} new", baseline.fresh())));
  for (const std::string& line : baseline.not_seen()) {
    notes.push_back("known, but not seen this time: " + line);
  }
}

}  // namespace

void add_baseline(CLI::App& command, std::vector<fs::path>& paths) {
  command
      .add_option(
          "--baseline", paths,
          "A stored report, or a folder of results: violations that it has are known and do "
          "not fail")
      ->allow_extra_args(false);
}

base::Result<std::vector<StoredReport>> load_baselines(const std::vector<fs::path>& paths,
                                                       const std::vector<std::string>& targets,
                                                       BaselineOf of) {
  const Kind kind = kind_of(of);
  std::vector<StoredReport> reports;
  for (const fs::path& path : paths) {
    const auto files = reports_at(path, kind.file);
    if (!files) return std::unexpected(files.error());
    for (const fs::path& file : *files) {
      base::Result<StoredReport> report = load(file, targets, kind);
      if (!report) return std::unexpected(report.error());
      reports.push_back(*std::move(report));
    }
  }
  return reports;
}

report::Baseline baseline_for(const std::vector<StoredReport>& reports, const std::string& target) {
  report::Baseline baseline;
  for (const StoredReport& stored : reports) {
    if (!same_target(stored.report.target, target)) continue;
    for (const report::InvariantResult& result : stored.report.invariants) baseline.add(result);
  }
  return baseline;
}

void hold_against(report::Baseline baseline, StormResult& result) {
  report::Report& report = result.report;
  for (report::InvariantResult& invariant : report.invariants) baseline.mark(invariant);
  report.verdict = overall(result.evidence, report.invariants);
  report.reason = why_unknown(result.evidence, report.invariants);
  add_notes(baseline, report.notes);
}

void hold_against(report::Baseline baseline, report::Crashes& crashes) {
  for (report::InvariantResult& broken : crashes.control.broken) baseline.mark(broken);
  for (report::PointResult& point : crashes.points) {
    for (report::InvariantResult& broken : point.broken) baseline.mark(broken);
  }
  add_notes(baseline, crashes.notes);
  if (crashes.verdict != report::Verdict::kFail || baseline.fresh() > 0) return;
  const auto open = [](const report::PointResult& point) {
    return point.verdict == report::PointVerdict::kUnknown ||
           point.verdict == report::PointVerdict::kNotReached ||
           point.verdict == report::PointVerdict::kNotRun ||
           (point.verdict == report::PointVerdict::kViolation && !point.reason.empty());
  };
  const bool unknown = open(crashes.control) || std::ranges::any_of(crashes.points, open);
  crashes.verdict = unknown ? report::Verdict::kUnknown : report::Verdict::kPass;
}

void hold_against(report::Baseline baseline, report::Exploration& exploration) {
  for (report::FailingSchedule& failure : exploration.failures) {
    for (report::InvariantResult& broken : failure.broken) baseline.mark(broken);
  }
  add_notes(baseline, exploration.notes);
  if (exploration.verdict != report::Verdict::kFail || baseline.fresh() > 0) return;
  exploration.verdict = report::Verdict::kPass;
  if (exploration.unknown == 0) return;
  exploration.verdict = report::Verdict::kUnknown;
  exploration.reason =
      fmt::format("{} could not be judged", check::count_of(exploration.unknown, "schedule"));
}

}  // namespace stress
