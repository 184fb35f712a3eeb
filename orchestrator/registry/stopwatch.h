#pragma once

#include <chrono>
#include <cstdint>

#include "orchestrator/base/clock.h"
#include "orchestrator/registry/store.h"

namespace orc {

/// Measures one transaction: how long it waited for the lock, and how long it held it. For one
/// thread.
class Stopwatch {
 public:
  void locked() { locked_ns_ = base::monotonic_ns(); }
  void stop(Commit& commit) const {
    commit.waited = std::chrono::nanoseconds(locked_ns_ - begin_ns_);
    commit.held = std::chrono::nanoseconds(base::monotonic_ns() - locked_ns_);
  }

 private:
  std::int64_t begin_ns_ = base::monotonic_ns();
  std::int64_t locked_ns_ = begin_ns_;
};

}  // namespace orc
