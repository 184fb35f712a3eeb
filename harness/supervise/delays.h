#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "harness/supervise/policy.h"
#include "harness/supervise/stopped.h"

namespace stress {

/// Calls whose answer is put off; meanwhile everybody else is answered. The policy is told of each
/// when it is let run, or when its task turns out to be gone. For the engine's thread alone.
class Delays {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Delays(Policy& policy) : policy_(policy) {}

  void add(Stopped stopped, const Delay& delay);
  /// Lets run what is due; or all.
  void let_run(bool all);
  /// A launch's listener is about to be closed: none of its tasks is left.
  void forget(std::uint32_t root);
  /// When the next one is due.
  [[nodiscard]] std::optional<TimePoint> next() const;

 private:
  struct Waiting {
    Stopped stopped;
    Delay delay;
    TimePoint due;
  };
  Policy& policy_;
  std::vector<Waiting> waiting_;
};

}  // namespace stress
