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
  if (decision.act != Act::kRun || moment.turn.empty()) return false;
  if (moment.last) return moment.candidates[*moment.last].task != decision.who;
  return std::ranges::find(moment.candidates, decision.who, &Candidate::task)->turn != moment.turn;
}

Decision by_default(const Moment& moment) {
  if (moment.last) return {Act::kRun, moment.candidates[*moment.last].task};
  const auto eager = [&](bool anybodys) {
    return std::ranges::find_if(moment.candidates, [&](const Candidate& candidate) {
      return !candidate.yields && (anybodys || candidate.turn == moment.turn);
    });
  };
  auto found = eager(moment.turn.empty());
  if (found == moment.candidates.end()) found = moment.candidates.begin();
  return {Act::kRun, found->task};
}

}  // namespace stress
