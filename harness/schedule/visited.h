#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "harness/schedule/moment.h"

namespace stress {

/// What a schedule has cost so far.
struct ScheduleCost {
  int preemptions = 0;
  int crashes = 0;
  void add(const Moment& moment, const Decision& decision) {
    if (is_preemption(moment, decision)) ++preemptions;
    if (decision.act != Act::kRun) ++crashes;
  }
};

/// States that were reached, each by the decision that led there: whose turn it is afterwards
/// counts too, as leaving him costs something.
class Visited {
 public:
  /// Whether `decision`, which leads to `state`, leads where no schedule has come at no higher
  /// cost. It is visited from now on.
  bool note(std::uint64_t state, const Decision& decision, ScheduleCost cost);

 private:
  std::unordered_map<std::uint64_t, std::vector<ScheduleCost>> costs_;
};

/// The state that a decision leads to, as its moment tells it. It must be possible.
std::uint64_t state_after(const Moment& moment, const Decision& decision);

}  // namespace stress
