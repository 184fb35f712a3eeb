#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/schedule/moment.h"

namespace stress {

/// Bounded exhaustive search: all schedules with at most so many preemptions and deaths, fewest
/// first.
///
/// Stateless: a schedule is a prefix of decisions, after which the default rule goes on, and each
/// moment behind the prefix at which something else could have been chosen gives further prefixes.
/// A branch is dropped where a state with the same last task was reached before with no more
/// preemptions and no more deaths, since all that can come after it comes after that one too. Which
/// states are the same is told by Candidate::state (see Causality for the source). Tasks that sleep
/// or ask again and again yield: going away from them is free.
class Search {
 public:
  /// `preemptions_max`: -1: no bound.
  Search(int preemptions_max, int crashes_max)
      : preemptions_max_(preemptions_max), crashes_max_(crashes_max) {
    open_.push({});
  }

  /// The next prefix to be run; nullopt: none is known now.
  std::optional<std::vector<Decision>> next();
  /// What came of it: all its decisions with their moments. Returns how many new prefixes it gave.
  std::size_t explored(std::size_t prefix, const std::vector<Moment>& moments,
                       const std::vector<Decision>& decisions);

  [[nodiscard]] std::uint64_t pruned() const { return pruned_; }
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  struct Cost {
    int preemptions = 0;
    int crashes = 0;
  };
  struct Branch {
    std::vector<Decision> prefix;
    Cost cost;
    std::uint64_t number = 0;
  };
  struct Later {
    bool operator()(const Branch& one, const Branch& other) const;
  };
  /// Whether the state is new at this cost; it is known from now on.
  bool note(std::uint64_t state, Cost cost);
  void branch(const std::vector<Decision>& decisions, std::size_t at, const Decision& other,
              std::uint64_t state, Cost cost);

  int preemptions_max_;
  int crashes_max_;
  std::priority_queue<Branch, std::vector<Branch>, Later> open_;
  std::unordered_map<std::uint64_t, std::vector<Cost>> known_;
  std::uint64_t pruned_ = 0;
  std::uint64_t branches_ = 0;
};

}  // namespace stress
