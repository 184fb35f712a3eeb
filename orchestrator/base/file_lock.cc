#include "orchestrator/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/deadline_timer.h"

namespace base {
namespace {

constexpr std::int64_t kTurnstileNs = 1'000'000'000;
constexpr std::int64_t kAnyNs = 10'000'000;

std::unexpected<Error> held_by_others(const std::filesystem::path& path) {
  return fail(Errc::kTimeout, "lock {}: held by others", path.string());
}

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
/// where its time limit has passed, or where a folder cannot be locked (NFS).
UniqueFd enter_turnstile(const std::filesystem::path& lock_path, std::int64_t deadline_ns,
                         DeadlineTimer& timer) {
  const std::filesystem::path folder = lock_path.has_parent_path() ? lock_path.parent_path() : ".";
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) flock_until(fd.get(), LOCK_EX, deadline_ns, timer);
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
  if (operation == LOCK_EX) {
    lock.turnstile_ =
        enter_turnstile(lock_path, std::min(deadline_ns, monotonic_ns() + kTurnstileNs), timer);
  }
  if (auto taken = lock.take(open_flags, operation, deadline_ns, timer); !taken) {
    if (taken.error().code == Errc::kTimeout) return timed_out(lock_path, timeout);
    return std::unexpected(std::move(taken.error()));
  }
  return lock;
}

Result<FileLock> FileLock::acquire_any(const std::vector<std::filesystem::path>& lock_paths,
                                       std::chrono::milliseconds timeout) {
  const std::int64_t start_ns = monotonic_ns();
  const std::int64_t timeout_ns = std::chrono::nanoseconds(timeout).count();
  DeadlineTimer timer;
  UniqueFd turnstile = enter_turnstile(lock_paths.front(), start_ns + timeout_ns / 3, timer);
  for (std::size_t tried = 0;; ++tried) {
    // Each is tried once; then one after the other is waited for, but not for long, as another may
    // be free by then.
    const std::int64_t patience_ns = tried < lock_paths.size() ? 0 : kAnyNs;
    FileLock lock(lock_paths[tried % lock_paths.size()]);
    auto taken = lock.take(O_RDONLY | O_CREAT, LOCK_EX, monotonic_ns() + patience_ns, timer);
    if (taken) {
      unlock_and_close(turnstile);
      return lock;
    }
    if (taken.error().code == Errc::kTimeout && monotonic_ns() < start_ns + timeout_ns) continue;
    unlock_and_close(turnstile);
    if (taken.error().code == Errc::kTimeout) return timed_out(lock.path_, timeout);
    return std::unexpected(std::move(taken.error()));
  }
}

Status FileLock::take(int open_flags, int operation, std::int64_t deadline_ns,
                      DeadlineTimer& timer) {
  for (;;) {
    unlock_and_close(fd_);
    fd_.reset(::open(path_.c_str(), open_flags | O_CLOEXEC, 0600));
    if (!fd_.valid()) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "open the lock", path_);
    }
    if (const int error = flock_until(fd_.get(), operation, deadline_ns, timer)) {
      if (error == ETIMEDOUT) return held_by_others(path_);
      return fail_errno(error, "lock", path_);
    }
    struct stat held{};
    if (::fstat(fd_.get(), &held) != 0) return fail_errno(errno, "stat the lock", path_);
    device_ = held.st_dev;
    inode_ = held.st_ino;
    if (is_current()) return {};
    if (monotonic_ns() >= deadline_ns) return held_by_others(path_);
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
