#include "harness/schedule/search.h"

#include <algorithm>

#include "harness/choice/choice.h"

namespace stress {
namespace {

/// A state, and who goes on from it: whoever is left then is preempted or not by that.
std::uint64_t place_of(std::uint64_t state, const Decision& decision) {
  return Choice(state).of(to_string(decision.act)).of(decision.who).bits();
}

}  // namespace

/// The cheapest first; of those the one that was found last, as its beginning is the longest.
bool Search::Later::operator()(const Branch& one, const Branch& other) const {
  const int mine = one.cost.preemptions + one.cost.crashes;
  const int theirs = other.cost.preemptions + other.cost.crashes;
  return mine != theirs ? mine > theirs : one.number < other.number;
}

std::optional<std::vector<Decision>> Search::next() {
  if (open_.empty()) return std::nullopt;
  std::vector<Decision> prefix = open_.top().prefix;
  open_.pop();
  return prefix;
}

bool Search::note(std::uint64_t state, Cost cost) {
  std::vector<Cost>& costs = known_[state];
  const auto no_dearer = [&](const Cost& known) {
    return known.preemptions <= cost.preemptions && known.crashes <= cost.crashes;
  };
  if (std::ranges::any_of(costs, no_dearer)) return false;
  costs.push_back(cost);
  return true;
}

void Search::branch(const std::vector<Decision>& decisions, std::size_t at, const Decision& other,
                    std::uint64_t state, Cost cost) {
  const bool too_dear =
      (preemptions_max_ >= 0 && cost.preemptions > preemptions_max_) || cost.crashes > crashes_max_;
  if (too_dear) return;
  if (!note(place_of(state, other), cost)) {
    ++pruned_;
    return;
  }
  Branch branch;
  branch.prefix.assign(decisions.begin(), decisions.begin() + static_cast<std::ptrdiff_t>(at));
  branch.prefix.push_back(other);
  branch.cost = cost;
  branch.number = ++branches_;
  open_.push(std::move(branch));
}

std::size_t Search::explored(std::size_t prefix, const std::vector<Moment>& moments,
                             const std::vector<Decision>& decisions) {
  const std::size_t before = open_.size();
  Cost cost;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const Moment& moment = moments[i];
    const Decision& taken = decisions[i];
    Cost after = cost;
    if (is_preemption(moment, taken)) ++after.preemptions;
    if (taken.act != Act::kRun) ++after.crashes;
    if (i >= prefix) {
      for (const Candidate& candidate : moment.candidates) {
        const Decision other{Act::kRun, candidate.task};
        if (other == taken) continue;
        Cost dearer = cost;
        if (is_preemption(moment, other)) ++dearer.preemptions;
        branch(decisions, i, other, candidate.state, dearer);
      }
      for (const Mortal& mortal : moment.mortals) {
        Cost dearer = cost;
        ++dearer.crashes;
        branch(decisions, i, {Act::kCrash, mortal.operation}, mortal.state, dearer);
        if (!mortal.has_descendants) continue;
        branch(decisions, i, {Act::kCrashWithDescendants, mortal.operation}, mortal.state, dearer);
      }
      // What the rest of this run has to offer was looked at when the same state was there before.
      const auto chosen = std::ranges::find(moment.candidates, taken.who, &Candidate::task);
      if (taken.act == Act::kRun && chosen != moment.candidates.end() &&
          !note(place_of(chosen->state, taken), after)) {
        ++pruned_;
        break;
      }
    }
    cost = after;
  }
  return open_.size() - before;
}

}  // namespace stress
