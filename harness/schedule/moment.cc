#include "harness/schedule/moment.h"

#include <algorithm>

namespace stress {

std::string_view to_string(Act act) {
  switch (act) {
    case Act::kRun:
      return "run";
    case Act::kCrash:
      return "crash";
    case Act::kCrashWithDescendants:
      return "crash-with-descendants";
  }
  return "?";
}

bool is_possible(const Moment& moment, const Decision& decision) {
  if (decision.act == Act::kRun) {
    return std::ranges::find(moment.candidates, decision.who, &Candidate::task) !=
           moment.candidates.end();
  }
  const auto mortal = std::ranges::find(moment.mortals, decision.who, &Mortal::operation);
  return mortal != moment.mortals.end() && (decision.act == Act::kCrash || mortal->has_descendants);
}

bool is_preemption(const Moment& moment, const Decision& decision) {
  return decision.act == Act::kRun && moment.last &&
         moment.candidates[*moment.last].task != decision.who;
}

Decision by_default(const Moment& moment) {
  if (moment.last) return {Act::kRun, moment.candidates[*moment.last].task};
  const auto eager = std::ranges::find(moment.candidates, false, &Candidate::yields);
  return {Act::kRun, (eager != moment.candidates.end() ? *eager : moment.candidates.front()).task};
}

}  // namespace stress
