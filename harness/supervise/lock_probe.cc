#include "harness/supervise/lock_probe.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "harness/supervise/borrowed_fd.h"
#include "harness/supervise/lock_table.h"
#include "harness/supervise/proc_folder.h"
#include "harness/supervise/tasks.h"

namespace stress {
namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

bool is_flock(const Op& op) { return op.number == SYS_flock; }

bool is_ofd(const Op& op) {
  return !is_flock(op) && (op.flags == F_OFD_SETLK || op.flags == F_OFD_SETLKW);
}

std::string fd_path(const Op& op) { return fmt::format("/proc/{}/fd/{}", op.tid, op.fd); }

/// Locks of one owner do not conflict, of two owners where one of them is exclusive.
bool holds(const std::vector<HeldLock>& locks, HeldLock::Kind kind, bool exclusive) {
  return std::ranges::any_of(locks, [&](const HeldLock& lock) {
    return lock.kind == kind && lock.exclusive == exclusive;
  });
}

/// An open file description of the file that has nothing to do with the task's.
base::UniqueFd open_anew(const Op& op) {
  struct stat about{};
  const std::string path = fd_path(op);
  if (stat(path.c_str(), &about) != 0) return {};
  if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
    return {};  // to open it may mean something
  base::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) file.reset(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  return file;
}

LockState probe_flock(const Op& op) {
  const bool exclusive = (op.flags & LOCK_EX) != 0;
  const base::UniqueFd other = open_anew(op);
  if (!other.valid()) return {};
  if (flock(other.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) {
    return {LockAnswer::kFree};
  }
  if (errno != EWOULDBLOCK) return {};
  constexpr auto kKind = HeldLock::Kind::kFlock;
  const std::vector<HeldLock> own = locks_by_fd(op.tid, op.fd);
  if (holds(own, kKind, true)) return {LockAnswer::kFree};    // then nobody else holds it
  if (!holds(own, kKind, false)) return {LockAnswer::kHeld};  // nor does it hold a part of it
  const auto sharers = std::ranges::count_if(held_locks(), [&](const HeldLock& lock) {
    return lock.kind == kKind && lock.file == own.front().file;
  });
  return {sharers > 1 ? LockAnswer::kHeld : LockAnswer::kFree};
}

/// What an fcntl asks for, its range made absolute: begun at the file's beginning, not backwards.
std::optional<struct flock> read_request(const Op& op, int fd) {
  struct flock request{};
  const std::string raw = Tasks::memory(op.tid, op.arguments[2], sizeof request);
  if (raw.size() != sizeof request) return std::nullopt;
  std::memcpy(&request, raw.data(), sizeof request);
  std::int64_t base = 0;
  if (request.l_whence == SEEK_CUR) base = lseek(fd, 0, SEEK_CUR);
  if (request.l_whence == SEEK_END) {
    struct stat about{};
    base = fstat(fd, &about) == 0 ? about.st_size : -1;
  }
  if (base < 0) return std::nullopt;
  request.l_whence = SEEK_SET;
  request.l_start += base;
  if (request.l_len < 0) {
    request.l_start += request.l_len;
    request.l_len = -request.l_len;
  }
  return request;
}

/// The name under which the kernel lists the task's file.
std::string listed_name(const Op& op) {
  const std::vector<HeldLock> own = locks_by_fd(op.tid, op.fd);
  if (!own.empty()) return own.front().file;
  const LockKey key = lock_key(op);  // some file systems (btrfs) list another device
  return fmt::format("{:02x}:{:02x}:{}", major(key.dev), minor(key.dev), key.ino);
}

/// For a process that holds a part of the range itself: the kernel names one conflict only, and it
/// may be with that.
LockState look_past_own(const Op& op, const struct flock& request) {
  const std::string file = listed_name(op);
  const std::int64_t last = request.l_len == 0 ? kEndless : request.l_start + request.l_len - 1;
  for (const HeldLock& lock : held_locks()) {
    if (lock.kind == HeldLock::Kind::kFlock || lock.file != file) continue;
    if (lock.kind == HeldLock::Kind::kPosix && lock.pid == op.pid) continue;
    if (lock.last < request.l_start || last < lock.first) continue;
    if (!lock.exclusive && request.l_type == F_RDLCK) continue;
    return {LockAnswer::kHeld, std::max(lock.pid, 0)};
  }
  return {LockAnswer::kFree};
}

/// A lock to write needs a descriptor that may: the call fails at once, whoever holds it.
bool is_allowed(const struct flock& request, int fd) {
  const int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
  return mode == O_RDWR || mode == (request.l_type == F_WRLCK ? O_WRONLY : O_RDONLY);
}

LockState probe_fcntl(const Op& op) {
  const base::UniqueFd same = borrow_fd(op);
  if (!same.valid()) return {};
  const std::optional<struct flock> request = read_request(op, same.get());
  if (!request || !is_allowed(*request, same.get())) return {};
  struct flock found = *request;
  if (fcntl(same.get(), is_ofd(op) ? F_OFD_GETLK : F_GETLK, &found) != 0) return {};
  if (found.l_type == F_UNLCK) return {LockAnswer::kFree};
  // To the kernel it was this process that asked, to which its target is a stranger.
  if (!is_ofd(op) && found.l_pid == op.pid) return look_past_own(op, *request);
  return {LockAnswer::kHeld, std::max(found.l_pid, 0)};
}

}  // namespace

bool is_lock_request(const Op& op) {
  if (op.sys != Sys::kLock) return false;  // an unlock is another kind
  return !is_flock(op) || (op.flags & (LOCK_SH | LOCK_EX)) != 0;
}

bool waits_for_lock(const Op& op) {
  if (!is_lock_request(op)) return false;
  if (is_flock(op)) return (op.flags & LOCK_NB) == 0;
  return op.flags == F_SETLKW || op.flags == F_OFD_SETLKW;
}

bool is_unlock(const Op& op) { return op.sys == Sys::kUnlock; }

LockState probe_lock(const Op& op) {
  if (!is_lock_request(op)) return {};
  return is_flock(op) ? probe_flock(op) : probe_fcntl(op);
}

bool take_lock(const Op& op) {
  if (!is_lock_request(op) || (!is_flock(op) && !is_ofd(op))) return false;
  const base::UniqueFd same = borrow_fd(op);
  if (!same.valid()) return false;
  if (is_flock(op)) return flock(same.get(), op.flags | LOCK_NB) == 0;
  const std::optional<struct flock> request = read_request(op, same.get());
  return request && fcntl(same.get(), F_OFD_SETLK, &*request) == 0;
}

bool begin_waiting(const Op& op) {
  if (!is_flock(op) || !waits_for_lock(op)) return false;
  const std::vector<HeldLock> own = locks_by_fd(op.tid, op.fd);
  if (std::ranges::find(own, HeldLock::Kind::kFlock, &HeldLock::kind) == own.end()) return false;
  const base::UniqueFd same = borrow_fd(op);
  return same.valid() && flock(same.get(), LOCK_UN) == 0;
}

LockKey lock_key(const Op& op) {
  struct stat about{};
  if (stat(fd_path(op).c_str(), &about) != 0) return {};
  return {about.st_dev, about.st_ino};
}

std::set<LockKey> files_locked_by(pid_t pid, const std::set<ino_t>& among) {
  std::set<LockKey> files;
  const ProcFolder folder(fmt::format("/proc/{}/fd", pid));
  for (const int fd : folder.numbers()) {
    struct stat about{};
    if (fstatat(folder.fd(), std::to_string(fd).c_str(), &about, 0) != 0) continue;
    if (!among.contains(about.st_ino) || locks_by_fd(pid, fd).empty()) continue;
    files.insert({about.st_dev, about.st_ino});
  }
  return files;
}

}  // namespace stress
