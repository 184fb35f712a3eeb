#include "harness/schedule/script.h"

#include <algorithm>

namespace stress {

std::vector<Stretch> script_of(const std::vector<Decision>& decisions) {
  std::vector<Stretch> script;
  for (const Decision& decision : decisions) {
    const bool same =
        !script.empty() && decision.act == Act::kRun && script.back().decision == decision;
    if (same) {
      ++script.back().steps;
    } else {
      script.push_back({decision, 1});
    }
  }
  return script;
}

std::optional<Decision> FollowScript::choose(const Moment& moment) {
  while (at_ < script_.size()) {
    const Stretch& stretch = script_[at_];
    if (done_ < stretch.steps && is_possible(moment, stretch.decision)) {
      ++done_;
      return stretch.decision;
    }
    ++at_;
    done_ = 0;
  }
  return by_default(moment);
}

}  // namespace stress
