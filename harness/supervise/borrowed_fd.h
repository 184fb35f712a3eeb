#pragma once

#include "harness/supervise/op.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// A duplicate of the descriptor that a stopped call is about: the same open file description, so
/// that what is done to it (a position, a lock) is done for the task. Not valid where the task is
/// gone. To be closed before the task goes on: else its last close would not be one.
base::UniqueFd borrow_fd(const Op& op);

}  // namespace stress
