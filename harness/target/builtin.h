#pragma once

#include <memory>

#include "harness/target/target.h"

namespace stress {

/// The orchestrator of this project, by its library in the spawning process and by its program for
/// gate and repair. The programs `orchestrator` and `spawnstorm-agent` are looked for beside the
/// running program, then on PATH.
std::unique_ptr<Target> make_builtin(const RunPlace& place);

/// Makes it known to make_target() as "builtin".
void register_builtin();

}  // namespace stress
