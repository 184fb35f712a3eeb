#include "orchestrator/base/deadline_timer.h"

#include <unistd.h>

#include <cerrno>

namespace base {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kRepeatNs = 10'000'000;

/// SIGRTMIN is not a constant: glibc keeps the first ones for itself.
int wake_signal() { return SIGRTMIN + 7; }

/// Without SA_RESTART, so that a call returns EINTR instead of going on.
int install_wake_handler() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(wake_signal(), &action, nullptr) == 0 ? 0 : errno;
}

timespec to_timespec(std::int64_t ns) {
  return {.tv_sec = ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond};
}

}  // namespace

DeadlineTimer::~DeadlineTimer() {
  // Deleted while the signal is still unblocked: nothing may stay pending for a later exec, whose
  // program it would kill.
  if (timer_) ::timer_delete(*timer_);
  if (mask_before_) ::pthread_sigmask(SIG_SETMASK, &*mask_before_, nullptr);
}

int DeadlineTimer::arm(std::int64_t deadline_ns) {
  if (!timer_) {
    if (const int error = create()) return error;
  }
  const itimerspec when{.it_interval = to_timespec(kRepeatNs),
                        .it_value = to_timespec(deadline_ns)};
  return ::timer_settime(*timer_, TIMER_ABSTIME, &when, nullptr) == 0 ? 0 : errno;
}

int DeadlineTimer::create() {
  static const int handler_error = install_wake_handler();
  if (handler_error != 0) return handler_error;
  sigset_t wake;
  sigset_t before;
  ::sigemptyset(&wake);
  ::sigaddset(&wake, wake_signal());
  if (const int error = ::pthread_sigmask(SIG_UNBLOCK, &wake, &before)) return error;
  mask_before_ = before;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = wake_signal();
  event._sigev_un._tid = ::gettid();
  timer_t timer{};
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return errno;
  timer_ = timer;
  return 0;
}

}  // namespace base
