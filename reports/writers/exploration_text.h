#pragma once

#include <string>

#include "reports/model/exploration.h"

namespace report {

/// What the texts about a failing schedule share.

/// "2 operations, 1 preemption, no fault, 14 steps; as found: 4 operations, …".
std::string size_line(const FailingSchedule& schedule);
/// "found by random walk, schedule 3 of seed 7, after 0.4 s; replayed 100 times, the same each
/// time".
std::string origin_line(const FailingSchedule& schedule);

}  // namespace report
