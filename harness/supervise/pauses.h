#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "harness/supervise/launch.h"
#include "harness/supervise/policy.h"
#include "harness/supervise/stopped.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// Processes that are stopped (SIGSTOP) for a while. For the engine's thread alone.
class Pauses {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// Stops the victim of a call of this launch's. Who is stopped already stays so for as long as
  /// the later pause says. False: the victim is gone.
  bool add(const Stopped& stopped, const Launched& launched, const Pause& pause);
  /// Continues whose time has come; or all.
  void resume(bool all);
  /// When the next one is to be continued.
  [[nodiscard]] std::optional<TimePoint> next() const;

 private:
  struct Paused {
    base::UniqueFd process;
    TimePoint resume_at;
  };
  std::map<pid_t, Paused> paused_;
};

}  // namespace stress
