#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "harness/schedule/moment.h"
#include "harness/schedule/visited.h"

namespace stress {

/// Bounded exhaustive search: all schedules with at most so many preemptions and deaths, fewest
/// first.
///
/// Stateless: a schedule is a prefix of decisions, after which the default rule goes on, and each
/// moment behind the prefix at which something else could have been chosen gives further prefixes.
/// Three things keep it small, and none of them loses anything (tests hold it against a plain
/// enumeration):
/// - A branch is dropped where a state with the same last task was reached before with no more
///   preemptions and no more deaths, since all that can come after it comes after that one too.
///   Which states are the same is told by Candidate::state (see Causality for the source).
/// - Nobody is preempted before a call that has never raced with another task's (see Meetings for
///   the source): to be stopped after it is the same. Whoever may still be killed is stopped there
///   nevertheless, to be killed later, if that could be another thing than to kill him at once: he
///   has a lock, or would have one that another of his processes takes, somebody asks whether he
///   lives, or may hear of his death; unless he could as well stand before his last step, which
///   left no trace. Should there be a reason in a later run, the branch is taken up again.
/// - Somebody is killed only right after a step of his own of which something is left, or after a
///   call that his death could have changed: else he is as dead as before the step.
/// Tasks that wait in loops yield: going away from them is free, and no loop goes on for ever while
/// others could work (see WaitingLoops). Whether they do depends on who else has moved, so once one
/// is seen to, the last two are done without, and what they had left out is taken up.
class Search {
 public:
  /// `preemptions_max`: -1: no bound.
  Search(int preemptions_max, int crashes_max)
      : preemptions_max_(preemptions_max), crashes_max_(crashes_max) {
    open_.push({});
  }

  /// The next prefix to be run; nullopt: none is known now.
  std::optional<std::vector<Decision>> next();
  /// What came of it: all its decisions with their moments, and which calls met another task's. A
  /// run may have been cut where it came to a state that was run before: then the last moment is
  /// the one at which it was, with the decision that led there.
  void explored(std::size_t prefix, const std::vector<Moment>& moments,
                const std::vector<Decision>& decisions,
                const std::unordered_set<std::uint64_t>& met);

  /// Branches that were not run, as what they lead to is known.
  [[nodiscard]] std::uint64_t pruned() const {
    return pruned_ + waiting_count_ + needless_deaths_.size();
  }
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  using Run = std::shared_ptr<const std::vector<Decision>>;
  /// The first decisions of a run, and then another one than it took.
  struct Branch {
    Run run;
    std::size_t at = 0;
    Decision other;
    std::uint64_t state = 0;
    ScheduleCost cost;
    std::uint64_t number = 0;
  };
  struct Waiting {
    Branch branch;
    bool taken_up = false;
  };
  struct Later {
    bool operator()(const Branch& one, const Branch& other) const;
  };
  void learn(const std::unordered_set<std::uint64_t>& met);
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> reasons_to_preempt(
      std::size_t at, const std::vector<Moment>& moments, const std::vector<Decision>& run,
      bool may_die) const;
  void branch_at(std::size_t at, const std::vector<Moment>& moments, const Run& run,
                 ScheduleCost cost);
  void kill_at(std::size_t at, const std::vector<Moment>& moments, const Run& run,
               ScheduleCost cost);
  void push(Branch branch);
  void leave_out(Branch branch, const std::vector<std::uint64_t>& reasons);
  void take_up(const std::vector<std::shared_ptr<Waiting>>& waiting);
  void give_up_leaving_out();
  [[nodiscard]] bool is_too_dear(const ScheduleCost& cost) const;

  int preemptions_max_;
  int crashes_max_;
  std::priority_queue<Branch, std::vector<Branch>, Later> open_;
  Visited visited_;
  std::unordered_set<std::uint64_t> met_;
  /// Branches by each meeting that would be a reason for them.
  std::unordered_map<std::uint64_t, std::vector<std::shared_ptr<Waiting>>> waiting_;
  std::uint64_t waiting_count_ = 0;
  std::vector<Branch> needless_deaths_;
  bool leaves_out_ = true;
  std::uint64_t pruned_ = 0;
  std::uint64_t branches_ = 0;
};

}  // namespace stress
