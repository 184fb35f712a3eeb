#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/campaign/storm.h"
#include "orchestrator/base/error.h"
#include "reports/model/baseline.h"
#include "reports/model/crashes.h"
#include "reports/model/exploration.h"
#include "reports/model/report.h"

namespace CLI {
class App;
}

namespace stress {

/// --baseline REPORT, which may be given several times. `paths` must outlive the command.
void add_baseline(CLI::App& command, std::vector<std::filesystem::path>& paths);

struct StoredReport {
  std::filesystem::path file;
  report::Report report;
};

/// Which results can be a baseline: report.json, crashes.json, exploration.json.
enum class BaselineOf { kRun, kCrashes, kExploration };

/// What --baseline names: a file of that kind, a results folder, or a folder of such. Crash points
/// and explorations come as a report of all that was broken at any point, in any failing schedule.
/// Errors, in one sentence with the file's name: kNotFound, kInvalid (no report; one of another
/// version, whose sentences may be others; one on none of `targets`).
base::Result<std::vector<StoredReport>> load_baselines(
    const std::vector<std::filesystem::path>& paths, const std::vector<std::string>& targets,
    BaselineOf of = BaselineOf::kRun);

/// What those on this target know. Target files are the same by their names: folders differ from
/// machine to machine.
report::Baseline baseline_for(const std::vector<StoredReport>& reports, const std::string& target);

/// Marks what is known, judges the run by what is not, and notes what is known and did not come up.
void hold_against(report::Baseline baseline, StormResult& result);
void hold_against(report::Baseline baseline, report::Crashes& crashes);
void hold_against(report::Baseline baseline, report::Exploration& exploration);

}  // namespace stress
