#pragma once

#include <atomic>
#include <filesystem>

#include "harness/campaign/progress.h"
#include "harness/campaign/settings.h"
#include "harness/campaign/stage.h"
#include "harness/history/evidence.h"
#include "orchestrator/base/error.h"
#include "reports/model/report.h"

namespace stress {

struct StormResult {
  Evidence evidence;
  report::Report report;
  std::filesystem::path results;  ///< the run's folder; history, report and logs are in it
};

/// Runs one storm from setup to shutdown and judges it. Whatever it started is gone when it
/// returns, and, by the guardian, also when this process is killed. `interrupted`: becomes true on
/// Ctrl-C; the storm then ends early, and what was seen is judged. One at a time per process: the
/// process becomes a subreaper, and its environment is sealed. Faults that need a room (see
/// faults_in_room) want the process to be in one. Errors: the storm could not begin
/// (target, folder, tmux): nothing was started.
base::Result<StormResult> run_storm(const StormSettings& settings, Injection injection,
                                    Progress& progress, const std::atomic<bool>& interrupted);

}  // namespace stress
