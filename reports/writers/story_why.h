#pragma once

#include <string>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// Why it broke, in sentences, where the steps prove it: a change that was overwritten by who had
/// not seen it, a check that was no longer true when it was acted upon, a file of one put in place
/// by another, a process killed between two steps. `numbers`: of each step, for references as
/// "(5)"; see Storyline. Empty: the steps prove none of these.
std::vector<std::string> why(const FailingSchedule& schedule, const std::vector<int>& numbers);

}  // namespace report
