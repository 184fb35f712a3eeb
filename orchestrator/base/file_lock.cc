#include "orchestrator/base/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

#include "orchestrator/base/clock.h"

namespace base {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kRepeatNs = 10'000'000;
constexpr std::int64_t kTurnstileNs = 1'000'000'000;

/// SIGRTMIN is not a constant: glibc keeps the first ones for itself.
int wake_signal() { return SIGRTMIN + 7; }

/// Without SA_RESTART, so that flock(2) returns EINTR instead of going on.
int install_wake_handler() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(wake_signal(), &action, nullptr) == 0 ? 0 : errno;
}

timespec to_timespec(std::int64_t ns) {
  return {.tv_sec = ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond};
}

/// Interrupts the calling thread's blocking calls from a deadline on, again and again: a signal
/// that comes just before flock(2) falls asleep is lost, the next one is not.
/// Thread-safety: made, used and destroyed by one thread.
class DeadlineTimer {
 public:
  DeadlineTimer() = default;
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;
  ~DeadlineTimer() {
    // Deleted while the signal is still unblocked: nothing may stay pending for a later exec,
    // whose program it would kill.
    if (timer_) ::timer_delete(*timer_);
    if (mask_before_) ::pthread_sigmask(SIG_SETMASK, &*mask_before_, nullptr);
  }

  /// May be called again, for another deadline. Returns 0 or an errno.
  int arm(std::int64_t deadline_ns) {
    if (!timer_) {
      if (const int error = create()) return error;
    }
    const itimerspec when{.it_interval = to_timespec(kRepeatNs),
                          .it_value = to_timespec(deadline_ns)};
    return ::timer_settime(*timer_, TIMER_ABSTIME, &when, nullptr) == 0 ? 0 : errno;
  }

 private:
  int create() {
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

  std::optional<timer_t> timer_;
  std::optional<sigset_t> mask_before_;
};

std::unexpected<Error> timed_out(const std::filesystem::path& path,
                                 std::chrono::milliseconds timeout) {
  return fail(Errc::kTimeout, "lock {}: held by others for {} ms", path.string(), timeout.count());
}

/// Sleeps until the lock is taken. Returns 0, ETIMEDOUT or another errno.
int flock_until(int fd, int operation, std::int64_t deadline_ns, DeadlineTimer& timer) {
  if (::flock(fd, operation | LOCK_NB) == 0) return 0;
  if (errno != EWOULDBLOCK && errno != EINTR) return errno;
  if (monotonic_ns() >= deadline_ns) return ETIMEDOUT;
  if (const int error = timer.arm(deadline_ns)) return error;
  while (::flock(fd, operation) != 0) {
    if (errno != EINTR) return errno;
    if (monotonic_ns() >= deadline_ns) return ETIMEDOUT;
  }
  return 0;
}

/// Stands in the turnstile of the lock's folder as long as the descriptor is open, or does without:
/// where the time limit has passed, or where a folder cannot be locked (NFS).
UniqueFd enter_turnstile(const std::filesystem::path& lock_path, std::int64_t deadline_ns,
                         DeadlineTimer& timer) {
  const std::filesystem::path folder = lock_path.has_parent_path() ? lock_path.parent_path() : ".";
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) {
    flock_until(fd.get(), LOCK_EX, std::min(deadline_ns, monotonic_ns() + kTurnstileNs), timer);
  }
  return fd;
}

void unlock_and_close(UniqueFd& fd) {
  if (!fd.valid()) return;
  ::flock(fd.get(), LOCK_UN);
  fd.reset();
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& lock_path,
                                   std::chrono::milliseconds timeout) {
  return acquire_by(O_RDONLY | O_CREAT, LOCK_EX, lock_path, timeout);
}

Result<FileLock> FileLock::acquire_existing(const std::filesystem::path& lock_path,
                                            std::chrono::milliseconds timeout) {
  return acquire_by(O_RDONLY, LOCK_EX, lock_path, timeout);
}

Result<FileLock> FileLock::acquire_shared(const std::filesystem::path& lock_path,
                                          std::chrono::milliseconds timeout) {
  return acquire_by(O_RDONLY, LOCK_SH, lock_path, timeout);
}

Result<FileLock> FileLock::acquire_by(int open_flags, int operation,
                                      const std::filesystem::path& lock_path,
                                      std::chrono::milliseconds timeout) {
  const std::int64_t deadline_ns = monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  DeadlineTimer timer;
  // The lock object exists before the waits, so that each way out unlocks before it closes.
  FileLock lock(lock_path);
  if (operation == LOCK_EX) lock.turnstile_ = enter_turnstile(lock_path, deadline_ns, timer);
  for (;;) {
    unlock_and_close(lock.fd_);
    lock.fd_.reset(::open(lock_path.c_str(), open_flags | O_CLOEXEC, 0600));
    if (!lock.fd_.valid()) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "open the lock", lock_path);
    }
    if (const int error = flock_until(lock.fd_.get(), operation, deadline_ns, timer)) {
      if (error == ETIMEDOUT) return timed_out(lock_path, timeout);
      return fail_errno(error, "lock", lock_path);
    }
    struct stat held{};
    if (::fstat(lock.fd_.get(), &held) != 0) return fail_errno(errno, "stat the lock", lock_path);
    lock.device_ = held.st_dev;
    lock.inode_ = held.st_ino;
    if (lock.is_current()) return lock;
    if (monotonic_ns() >= deadline_ns) return timed_out(lock_path, timeout);
  }
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    release();
    turnstile_ = std::move(other.turnstile_);
    fd_ = std::move(other.fd_);
    path_ = std::move(other.path_);
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

FileLock::~FileLock() { release(); }

void FileLock::call_next() { unlock_and_close(turnstile_); }

void FileLock::release() {
  call_next();
  unlock_and_close(fd_);
}

bool FileLock::is_current() const {
  struct stat named{};
  return fd_.valid() && ::stat(path_.c_str(), &named) == 0 && named.st_dev == device_ &&
         named.st_ino == inode_;
}

}  // namespace base
