#include "harness/schedule/visited.h"

#include <algorithm>

#include "harness/choice/choice.h"

namespace stress {

bool Visited::note(std::uint64_t state, const Decision& decision, ScheduleCost cost) {
  const std::uint64_t place = Choice(state).of(to_string(decision.act)).of(decision.who).bits();
  std::vector<ScheduleCost>& costs = costs_[place];
  const auto no_dearer = [&](const ScheduleCost& known) {
    return known.preemptions <= cost.preemptions && known.crashes <= cost.crashes;
  };
  if (std::ranges::any_of(costs, no_dearer)) return false;
  costs.push_back(cost);
  return true;
}

std::uint64_t state_after(const Moment& moment, const Decision& decision) {
  if (decision.act == Act::kRun) {
    return std::ranges::find(moment.candidates, decision.who, &Candidate::task)->state;
  }
  return std::ranges::find(moment.mortals, decision.who, &Mortal::operation)->state;
}

}  // namespace stress
