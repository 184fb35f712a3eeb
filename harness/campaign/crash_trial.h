#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/blind_spot_notes.h"
#include "harness/campaign/crash_settings.h"
#include "harness/fault/point_plan.h"
#include "harness/history/evidence.h"
#include "orchestrator/base/error.h"
#include "reports/model/report.h"

namespace stress {

/// What came of one run of the operation from the prepared start.
struct CrashTrial {
  Evidence evidence;
  std::vector<report::InvariantResult> invariants;
  report::Verdict verdict = report::Verdict::kUnknown;
  std::string reason;                   ///< why unknown
  std::optional<Operation> reply;       ///< how the operation ended, for its caller; repair: none
  CallTrace trace;                      ///< of a run without a point
  std::optional<Fault> blow;            ///< of a run with one: delivered
  std::set<BlindSpotNote> blind_spots;  ///< what went, or tried to go, past the supervisor
  bool repaired = false;  ///< the repair afterwards said, or showed, that it changed something
};

/// One run, each time from the same start: a fresh workspace of the target with some ended records,
/// two agents spawned (for a repair: the session of one of them is ended), strangers beside it.
/// Then the operation, by a worker under the engine, the blow at `point` (nullptr: none, its calls
/// are recorded), the target's repair, the last look, and all invariants that apply. Takes place in
/// `folder`, which is made; whatever was started is gone when it returns.
/// Errors: it could not begin (target, folder, tmux, no supervision).
base::Result<CrashTrial> run_crash_trial(const CrashSettings& settings,
                                         const std::filesystem::path& folder,
                                         const CrashPoint* point,
                                         const std::atomic<bool>& interrupted);

}  // namespace stress
