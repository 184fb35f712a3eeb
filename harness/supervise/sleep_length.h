#pragma once

#include <chrono>

#include "harness/supervise/op.h"

namespace stress {

/// What Op::sleep is for a call of kind kSleep. To be asked while its task is stopped.
std::chrono::nanoseconds sleep_length(const Op& op);

}  // namespace stress
