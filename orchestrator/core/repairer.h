#pragma once

#include <vector>

#include "orchestrator/core/diagnosis.h"

namespace orc {

/// Carries out the fixes and returns the problems with `repaired` set. All changes of records are
/// one transaction, made before any session is ended, so that a gate is closed before its session
/// is looked for. A problem whose record has changed since it was observed is dropped: it was in
/// motion. Without anything to fix nothing is written. Errors: those of the transaction.
base::Result<std::vector<Problem>> apply_repairs(const Workspace& workspace,
                                                 std::vector<Problem> problems);

}  // namespace orc
