#pragma once

#include <string>
#include <vector>

#include "harness/explore/requests.h"
#include "harness/schedule/scheduler.h"
#include "reports/model/exploration.h"

namespace stress {

/// A run as a report tells it; what it broke is left to the caller. `registry`: what it held after
/// each step, in words; the one before the first is told nowhere else than in the first read.
report::FailingSchedule tell(const Scheduler& scheduler,
                             const std::vector<SceneOperation>& operations,
                             const std::vector<std::string>& registry);

/// How many tasks took a step.
int count_tasks(const std::vector<Step>& steps);

}  // namespace stress
