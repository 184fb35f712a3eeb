#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "harness/explore/failure_file.h"
#include "harness/explore/settings.h"
#include "orchestrator/base/error.h"
#include "reports/model/exploration.h"

namespace stress {

/// What a person who waits wants to know. Called from the thread that runs it all.
class ExploreProgress {
 public:
  virtual ~ExploreProgress() = default;
  virtual void began(std::uint64_t seed, const std::string& results) = 0;
  /// The first run, by default.
  virtual void recorded(const report::Exploration& so_far) = 0;
  virtual void ran(const report::Exploration& so_far, double seconds, std::size_t open) = 0;
  virtual void found(const std::string& invariant, const std::string& by) = 0;
};

struct ExploreResult {
  report::Exploration report;
  std::filesystem::path results;  ///< failures are in failures/NNN.json below it
};

/// Errors are sentences for the user; empty: the settings are usable.
std::string problem_with(const ExploreSettings& settings);

/// Runs schedules of the target's operations as the strategy chooses them, judges each, and makes
/// what fails as short as it gets. `interrupted` and the time limit end it early.
/// Errors: kUnavailable (supervision is refused here, in one sentence), kInvalid (an operation that
/// the target does not have, or that fails even by itself), those of a ground that cannot be made.
base::Result<ExploreResult> run_explore(const ExploreSettings& settings, ExploreProgress& progress,
                                        const std::atomic<bool>& interrupted);

struct ReplayResult {
  report::FailingSchedule schedule;
  report::Verdict verdict = report::Verdict::kUnknown;  ///< fail: each time as it was recorded
  std::string reason;                                   ///< why unknown
  std::vector<std::string> warnings;                    ///< another version, other inputs
};

/// Runs a kept failure `times` times. Errors: as run_explore().
base::Result<ReplayResult> run_replay(const FailureFile& failure, int times,
                                      const std::filesystem::path& out,
                                      const std::atomic<bool>& interrupted);

}  // namespace stress
