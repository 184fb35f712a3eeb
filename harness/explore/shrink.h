#pragma once

#include <functional>
#include <string>

#include "harness/explore/team.h"

namespace stress {

/// A schedule that ends in a violation: how it was run, and what came of it.
struct Failure {
  SchedulePlan plan;
  ScheduleResult result;
  std::vector<std::string> invariants;  ///< to break one of these is to fail in the same way
  /// A schedule of one switch may break others instead: it is easier to understand.
  bool may_change = false;
  std::vector<std::string> operations;  ///< labels of all in the scene
};

/// Makes a failing schedule as short as it gets: fewer operations, fewer deaths, fewer switches,
/// then shorter stretches, an earlier death, a smaller schedule, round and round until nothing can
/// go. What still breaks one of the same invariants is kept. The result is a plan of kind kReplay,
/// with all decisions, as it was last run, and its result.
///
/// Greedy, as delta debugging is (A. Zeller, R. Hildebrandt: "Simplifying and isolating
/// failure-inducing input", 2002), over stretches of a schedule instead of single steps. As most
/// flaws need one switch only (M. Musuvathi, S. Qadeer: "Iterative context bounding", PLDI 2007),
/// and a greedy way to it may be barred, all schedules of one switch between two operations are
/// tried where more than one is left.
/// Errors: those of the team. `runs_max`: schedules it may take. `enough`: asked again and again;
/// once it is true, the shortest so far is taken.
base::Result<Failure> shrink(const Failure& failure, Team& team, int runs_max,
                             const std::function<bool()>& enough);

/// Its operations (those that take part), switches, deaths and steps.
report::ScheduleSize size_of(const Failure& failure);

}  // namespace stress
