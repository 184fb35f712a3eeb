#pragma once

#include <string>

#include "harness/explore/team.h"

namespace stress {

/// How far repetitions of one schedule were the same.
struct Replays {
  int done = 0;
  int same = 0;                   ///< verdict, broken invariants and trace
  std::string departed;           ///< the first that was not, in words
  report::FailingSchedule story;  ///< of the first
};

/// Runs it again and again. `plan` is of kind kReplay; `broken`: ids of what it broke when it was
/// recorded. Errors: those of the team.
base::Result<Replays> replay(const SchedulePlan& plan, const std::vector<std::string>& broken,
                             int times, Team& team);

/// The ids of what a result breaks.
std::vector<std::string> broken_ids(const ScheduleResult& result);

}  // namespace stress
