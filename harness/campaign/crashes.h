#pragma once

#include <atomic>
#include <filesystem>

#include "harness/campaign/crash_settings.h"
#include "orchestrator/base/error.h"
#include "reports/model/crashes.h"

namespace stress {

/// What a person who waits wants to know. Called from the thread that runs it all.
class CrashProgress {
 public:
  virtual ~CrashProgress() = default;
  virtual void began(std::uint64_t seed, const std::string& results) = 0;
  virtual void recorded(const report::Crashes& so_far, double seconds) = 0;
  virtual void judged(const report::PointResult& point, std::size_t done, std::size_t of) = 0;
};

struct CrashesResult {
  report::Crashes report;
  std::filesystem::path results;  ///< violating trials are in points/NNN below it
};

/// Errors are sentences for the user; empty: the settings are usable.
std::string problem_with(const CrashSettings& settings);

/// Records the operation once, then repeats it once per crash point, each time from the same start;
/// a violating point is run again, to see whether it comes up again. `interrupted` and the time
/// limit end it early; what was not run is then told as such. One at a time per process.
/// Errors: kUnavailable (supervision is refused here, in one sentence), kInvalid (no such point;
/// the target does not acknowledge the operation), those of a trial that cannot begin.
base::Result<CrashesResult> run_crashes(const CrashSettings& settings, CrashProgress& progress,
                                        const std::atomic<bool>& interrupted);

}  // namespace stress
