#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "harness/schedule/access.h"

namespace stress {

/// What a task asks for, the same in each repetition, as a number.
std::uint64_t meeting_id(std::string_view task, std::string_view key);

/// Finds out which calls of a run, made or still to be made at its end, meet those of another task:
/// both touch one thing, and one of them changes it. What never meets anybody might as well be made
/// earlier or later, so nobody needs to be stopped before it.
class Meetings {
 public:
  void add(std::string_view task, std::string_view key, const std::vector<Access>& accesses);
  /// meeting_id()s of the calls that have met another task's so far.
  [[nodiscard]] const std::unordered_set<std::uint64_t>& met() const { return met_; }

 private:
  struct Visit {
    std::uint64_t task = 0;
    std::uint64_t call = 0;
    bool writes = false;
  };
  std::unordered_map<std::uint64_t, std::vector<Visit>> visits_;  ///< by object; each once
  std::unordered_set<std::uint64_t> met_;
};

}  // namespace stress
