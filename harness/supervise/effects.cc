#include "harness/supervise/effects.h"

#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/supervise/decode.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

base::UniqueFd duplicate(const Op& op) {
  const base::UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, op.pid, 0)));
  return base::UniqueFd(
      process.valid() ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), op.fd, 0)) : -1);
}

/// A pipe or a socket may have no room, and whoever could make some may be waiting for us.
bool would_block(const Op& op) {
  const base::UniqueFd file = duplicate(op);
  struct stat about{};
  if (!file.valid() || fstat(file.get(), &about) != 0) return true;
  if (S_ISREG(about.st_mode)) return false;
  pollfd room{file.get(), POLLOUT, 0};
  return op.bytes > PIPE_BUF || poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0;
}

}  // namespace

bool write_for(const Op& op, const std::string& content) {
  const base::UniqueFd file = duplicate(op);
  if (!file.valid()) return false;
  const bool positioned = is_positioned(op);
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = positioned
                            ? pwrite(file.get(), content.data() + done, content.size() - done,
                                     static_cast<off_t>(op.arguments[3] + done))
                            : write(file.get(), content.data() + done, content.size() - done);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

bool perform(const Op& op) {
  switch (op.sys) {
    case Sys::kWrite: {
      if (would_block(op)) return false;
      const std::string content = gather(op, op.bytes);
      return content.size() == op.bytes && write_for(op, content);
    }
    case Sys::kSync: {
      const base::UniqueFd file = duplicate(op);
      return file.valid() && fsync(file.get()) == 0;
    }
    case Sys::kUnlock: {
      if (op.number != SYS_flock) return false;  // fcntl locks belong to the process
      const base::UniqueFd file = duplicate(op);
      return file.valid() && flock(file.get(), LOCK_UN) == 0;
    }
    default:
      return false;
  }
}

bool unlink_file_of(const Op& op) {
  struct stat named{};
  if (lstat(op.path.c_str(), &named) != 0 || !S_ISREG(named.st_mode)) return false;
  if (op.fd >= 0) {
    const base::UniqueFd file = duplicate(op);
    struct stat opened{};
    if (!file.valid() || fstat(file.get(), &opened) != 0) return false;
    if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino) return false;
  }
  return ::unlink(op.path.c_str()) == 0;
}

}  // namespace stress
