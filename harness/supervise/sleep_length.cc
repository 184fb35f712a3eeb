#include "harness/supervise/sleep_length.h"

#include <sys/syscall.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>

#include "harness/supervise/tasks.h"

namespace stress {
namespace {

using std::chrono::nanoseconds;

/// nullopt: not to be read, or not a time.
template <class Time>
std::optional<Time> read_time(pid_t tid, std::uint64_t address) {
  const std::string raw = Tasks::memory(tid, address, sizeof(Time));
  Time time{};
  if (raw.size() != sizeof time) return std::nullopt;
  std::memcpy(&time, raw.data(), sizeof time);
  return time;
}

/// Longer ones than fit are cut to max() - 1: they do end.
nanoseconds length(std::int64_t seconds, std::int64_t nanoseconds_more) {
  constexpr std::int64_t kMost = nanoseconds::max().count() / 1'000'000'000 - 1;
  if (seconds < 0 || nanoseconds_more < 0) return {};
  if (seconds > kMost) return nanoseconds::max() - nanoseconds(1);
  return std::chrono::seconds(seconds) + nanoseconds(nanoseconds_more);
}

nanoseconds by_timespec(const Op& op, int argument) {
  const auto time = read_time<timespec>(op.tid, op.arguments[argument]);
  return time ? length(time->tv_sec, time->tv_nsec) : nanoseconds{};
}

nanoseconds by_timeval(const Op& op, int argument) {
  const auto time = read_time<timeval>(op.tid, op.arguments[argument]);
  return time ? length(time->tv_sec, time->tv_usec * 1000) : nanoseconds{};
}

/// Clocks that show every process the same time; those of processor time are its own.
bool is_common(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
         clock == CLOCK_TAI;
}

nanoseconds by_clock(const Op& op) {
  const nanoseconds given = by_timespec(op, 2);
  if (op.flags != TIMER_ABSTIME) return given;
  const auto clock = static_cast<clockid_t>(op.arguments[0]);
  timespec now{};
  if (!is_common(clock) || clock_gettime(clock, &now) != 0) return {};
  return std::max(nanoseconds{}, given - length(now.tv_sec, now.tv_nsec));
}

}  // namespace

nanoseconds sleep_length(const Op& op) {
  switch (op.number) {
    case SYS_nanosleep:
      return by_timespec(op, 0);
    case SYS_clock_nanosleep:
      return by_clock(op);
    case SYS_poll: {
      const int timeout_ms = static_cast<int>(op.arguments[2]);
      return timeout_ms < 0 ? nanoseconds::max() : std::chrono::milliseconds(timeout_ms);
    }
    case SYS_ppoll:
      return op.arguments[2] == 0 ? nanoseconds::max() : by_timespec(op, 2);
    case SYS_select:
      return op.arguments[4] == 0 ? nanoseconds::max() : by_timeval(op, 4);
    case SYS_pselect6:
      return op.arguments[4] == 0 ? nanoseconds::max() : by_timespec(op, 4);
    default:
      return {};
  }
}

}  // namespace stress
