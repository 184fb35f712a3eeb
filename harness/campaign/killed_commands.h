#pragma once

#include "harness/history/evidence.h"

namespace stress {

/// Where operations are programs, a worker tells of a killed one at once. But what was killed alone
/// may have left children at work for it, so when such an operation took its last effect nobody
/// knows: its completion is taken back.
void reopen_killed_commands(Evidence& evidence);

}  // namespace stress
