#pragma once

#include "harness/explore/settings.h"
#include "orchestrator/base/error.h"

namespace stress {

/// The settings as this target can meet them, with what was left open filled in.
/// Errors: kInvalid, one sentence about the flag; those of make_target.
base::Result<ExploreSettings> fit_to_target(ExploreSettings settings);

}  // namespace stress
