#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/choice/choice.h"
#include "harness/schedule/moment.h"
#include "harness/schedule/visited.h"

namespace stress {

/// Whoever could go on is as likely as any other, at each moment. Where programs may be killed,
/// that happens about once in `range` steps.
class RandomWalk : public Strategy {
 public:
  RandomWalk(std::uint64_t seed, std::uint64_t range) : choice_(seed), range_(range) {}
  std::optional<Decision> choose(const Moment& moment) override;

 private:
  Choice choice_;
  std::uint64_t range_;
};

/// Probabilistic concurrency testing: each task has a random priority, the highest goes on, and
/// after depth - 1 random steps of the run whoever made that step falls below all that never fell;
/// the order among the fallen is random too. A bug that shows wherever `depth` pairs of events come
/// in a certain order (a lost update: 2) is found with a probability of at least 1/(n *
/// k^(depth-1)), for n tasks and k steps, in each schedule. `range` must be k, as measured: with a
/// range twice too long half of the change points fall behind the run's end. Who yields falls below
/// all others. Source: S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte: "A randomized
/// scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010.
class Pct : public Strategy {
 public:
  Pct(std::uint64_t seed, int depth, std::uint64_t range);
  std::optional<Decision> choose(const Moment& moment) override;

 private:
  [[nodiscard]] std::uint64_t priority_of(const std::string& task) const;

  Choice choice_;
  std::map<std::uint64_t, std::uint64_t> changes_;  ///< after so many steps: to which priority
  std::set<std::uint64_t> crashes_;  ///< steps at which somebody is killed, if somebody may be
  std::map<std::string, std::uint64_t> fallen_;  ///< to which priority
  std::uint64_t next_yield_;                     ///< below all others
  std::string last_;                             ///< who made the last step
};

/// What Pct guarantees, in words.
std::string pct_guarantee(int tasks, std::uint64_t steps, int depth);

/// These decisions, then the default rule, until a state comes up in which it was followed before.
class FollowPrefix : public Strategy {
 public:
  /// `visited`: of all runs that are to know of one another; nullptr: of none.
  explicit FollowPrefix(std::vector<Decision> prefix, Visited* visited = nullptr)
      : prefix_(std::move(prefix)), visited_(visited) {}
  std::optional<Decision> choose(const Moment& moment) override;
  [[nodiscard]] std::string why_departed() const override { return departed_; }
  [[nodiscard]] std::optional<Decision> known() const override { return known_; }

 private:
  std::vector<Decision> prefix_;
  Visited* visited_;
  ScheduleCost cost_;
  std::optional<Decision> known_;
  std::string departed_;
};

/// Exactly these decisions; each task must stand before the very call that it stood before when
/// they were recorded.
class Replay : public Strategy {
 public:
  /// `trace`: trace_of() the recorded run, one line a decision.
  Replay(std::vector<Decision> decisions, std::vector<std::string> trace)
      : decisions_(std::move(decisions)), trace_(std::move(trace)) {}
  std::optional<Decision> choose(const Moment& moment) override;
  [[nodiscard]] std::string why_departed() const override { return departed_; }

 private:
  std::vector<Decision> decisions_;
  std::vector<std::string> trace_;
  std::string departed_;
};

}  // namespace stress
