#pragma once

#include <sys/types.h>

#include <vector>

#include "harness/supervise/op.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// SIGKILL of a call's command (Op::command), alone or `with_descendants`: those of its own
/// session, so no daemons. True: it lived, and now it is dead, and so is everybody who was to die
/// with it (their pidfds are readable); nobody who has taken a number of theirs is ever hit.
bool kill_command(const Op& op, bool with_descendants);

/// A descriptor of a call's command that cannot come to mean another process. Not valid: there is
/// none, or it is gone.
base::UniqueFd open_command(const Op& op);

/// Living descendants of a process in its own session; its children first.
std::vector<pid_t> followers_of(pid_t pid);

}  // namespace stress
