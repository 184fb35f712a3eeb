#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "harness/campaign/collector.h"
#include "harness/supervise/group.h"
#include "harness/workload/control.h"

namespace stress {

/// Finds operations that are overdue, and tells a stalled one from a slow one. It is proven stalled
/// only if all tasks of its spawner and of that one's children slept for 5 s with unchanged
/// context-switch counts, and nobody who could still serve them (a session server, the supervisor
/// in this very process) had anything to do: on a starved machine those are runnable, and whoever
/// waits for them is not stuck.
class StallWatch {
 public:
  StallWatch(const ControlBlock& control, const Group& group, std::chrono::milliseconds overdue,
             Collector& collector)
      : control_(control), group_(group), overdue_(overdue), collector_(collector) {}

  /// To be called now and then. True once a stall was recorded: the run should be ended, since
  /// nobody would end it.
  bool look();

 private:
  struct Suspect {
    std::chrono::steady_clock::time_point since;
    std::string tasks;  ///< states and switch counts of its process and that one's children
  };
  bool judge(const ThreadState& state, Nanoseconds waited);

  const ControlBlock& control_;
  const Group& group_;
  std::chrono::milliseconds overdue_;
  Collector& collector_;
  std::chrono::steady_clock::time_point looked_{};
  std::map<std::uint64_t, Suspect> suspects_;
};

}  // namespace stress
