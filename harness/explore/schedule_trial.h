#pragma once

#include "harness/explore/ground.h"
#include "harness/explore/plan.h"
#include "harness/schedule/visited.h"

namespace stress {

/// Runs one schedule of the scene's operations from the start that the ground has been put back to,
/// and judges what came of it by the judges of all runs. Whatever it has started is gone when it
/// returns, but for the sessions of agents, which the ground's next reset() ends.
/// `visited`: of all schedules of this explorer whose moments are asked for.
/// Errors: it could not begin.
base::Result<ScheduleResult> run_schedule(const Scene& scene, const SchedulePlan& plan,
                                          Ground& ground, Visited& visited);

}  // namespace stress
