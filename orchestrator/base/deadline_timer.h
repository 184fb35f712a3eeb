#pragma once

#include <signal.h>
#include <time.h>

#include <cstdint>
#include <optional>

namespace base {

/// Interrupts the calling thread's blocking calls (EINTR) from a deadline on, again and again: a
/// signal that comes just before a call falls asleep is lost, the next one is not.
/// Thread-safety: made, used and destroyed by one thread.
class DeadlineTimer {
 public:
  DeadlineTimer() = default;
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;
  ~DeadlineTimer();

  /// `deadline_ns`: CLOCK_MONOTONIC. May be called again, for another deadline. Returns 0 or an
  /// errno.
  int arm(std::int64_t deadline_ns);

 private:
  int create();
  std::optional<timer_t> timer_;
  std::optional<sigset_t> mask_before_;
};

}  // namespace base
