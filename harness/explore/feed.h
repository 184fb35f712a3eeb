#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "harness/explore/plan.h"
#include "harness/explore/settings.h"

namespace stress {

/// Where an exploration's schedules come from, one after the other.
class Feed {
 public:
  virtual ~Feed() = default;
  /// nullopt: none now; with nothing under way, none any more.
  virtual std::optional<SchedulePlan> next() = 0;
  /// Whether nothing came of a plan, as its run departed from it, and next() will give it again:
  /// what is asleep because the machine has other work can look like what waits. To be asked before
  /// learn(), and instead of it where it is so.
  virtual bool takes_back(const SchedulePlan& /*plan*/, const ScheduleResult& /*result*/) {
    return false;
  }
  virtual void learn(const SchedulePlan& /*plan*/, const ScheduleResult& /*result*/) {}
  /// How the schedule was chosen, in words: "random walk, schedule 3 of seed 7".
  [[nodiscard]] virtual std::string how(const SchedulePlan& plan) const = 0;
  [[nodiscard]] virtual std::uint64_t pruned() const { return 0; }
  /// How many are known that were not given out yet.
  [[nodiscard]] virtual std::size_t open() const { return 0; }
};

/// `steps`: of a run without any choice, as it was recorded.
std::unique_ptr<Feed> make_feed(const ExploreSettings& settings, std::uint64_t steps);

}  // namespace stress
