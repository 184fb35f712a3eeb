#pragma once

#include <string>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// Steps as a story needs them. What the registry held is known after each step; it is kept where
/// somebody read the registry or changed it, and nowhere else. Which file is the registry shows
/// where its content became another; if it never did, nothing is kept. Where reads are steps of
/// their own, opening the registry is no look into it. A rename that had to be made twice is marked
/// as in vain, a file that was replaced since it was opened as nameless.
FailingSchedule for_story(FailingSchedule schedule);

/// Whether reads are steps of their own.
bool shows_reads(const std::vector<ScheduleStep>& steps);

}  // namespace report
