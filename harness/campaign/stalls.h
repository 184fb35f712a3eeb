#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "harness/campaign/collector.h"
#include "harness/workload/control.h"

namespace stress {

/// Finds operations that are overdue, and tells a stalled one from a slow one: it is proven stalled
/// only if all tasks of its process slept for 5 s with unchanged context-switch counts.
class StallWatch {
 public:
  StallWatch(const ControlBlock& control, std::chrono::milliseconds overdue, Collector& collector)
      : control_(control), overdue_(overdue), collector_(collector) {}

  /// To be called now and then. True once a stall was recorded: the run should be ended, since
  /// nobody would end it.
  bool look();

 private:
  struct Suspect {
    std::chrono::steady_clock::time_point since;
    std::string tasks;  ///< states and switch counts of its process
  };
  const ControlBlock& control_;
  std::chrono::milliseconds overdue_;
  Collector& collector_;
  std::map<std::uint64_t, Suspect> suspects_;
};

}  // namespace stress
