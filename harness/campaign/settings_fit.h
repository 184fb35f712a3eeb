#pragma once

#include "harness/campaign/crash_settings.h"
#include "harness/campaign/settings.h"
#include "orchestrator/base/error.h"

namespace stress {

/// The settings as this target can meet them: what it does not offer is not asked of it where that
/// was only a default, and an error where it was asked for by name (StormSettings::given).
/// Errors: kInvalid, one sentence about the flag; those of make_target.
base::Result<StormSettings> fit_to_target(StormSettings settings);
/// Likewise for crash points. Errors: kInvalid (an operation that the target does not have, or
/// sessions of another kind than its file says); those of make_target.
base::Result<CrashSettings> fit_to_target(CrashSettings settings);

}  // namespace stress
