#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "harness/history/evidence.h"

namespace stress {

/// Where the threads of a run put what they see. Thread-safe.
class Collector {
 public:
  /// Runs `change` on the evidence, alone.
  template <class Change>
  decltype(auto) with(Change&& change) {
    const std::lock_guard lock(mutex_);
    return std::forward<Change>(change)(evidence_);
  }
  void trouble(std::string what) {
    with([&](Evidence& evidence) { evidence.troubles.push_back({std::move(what)}); });
  }

 private:
  std::mutex mutex_;
  Evidence evidence_;
};

}  // namespace stress
