#pragma once

#include "orchestrator/base/error.h"

namespace stress {

/// Whether /proc shows the processes as this one sees them: all that is known of them comes from
/// there. Errors: kUnavailable, one sentence.
base::Status check_own_proc();

}  // namespace stress
