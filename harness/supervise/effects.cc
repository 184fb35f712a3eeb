#include "harness/supervise/effects.h"

#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "harness/supervise/borrowed_fd.h"
#include "harness/supervise/decode.h"

namespace stress {
namespace {

/// A pipe or a socket may have no room, and whoever could make some may be waiting for us.
bool would_block(const Op& op) {
  const base::UniqueFd file = borrow_fd(op);
  struct stat about{};
  if (!file.valid() || fstat(file.get(), &about) != 0) return true;
  if (S_ISREG(about.st_mode)) return false;
  pollfd room{file.get(), POLLOUT, 0};
  return op.bytes > PIPE_BUF || poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0;
}

bool asks_for_randomness(const Op& op) {
  if (op.sys == Sys::kRandom) return true;
  return (op.number == SYS_read || op.number == SYS_pread64) &&
         (op.path == "/dev/urandom" || op.path == "/dev/random");
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the values of a counter, mixed.
std::string stream(std::uint64_t seed, std::size_t bytes) {
  std::string result;
  result.reserve(bytes + sizeof(std::uint64_t));
  while (result.size() < bytes) {
    std::uint64_t mixed = seed += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    result.append(reinterpret_cast<const char*>(&mixed), sizeof mixed);
  }
  result.resize(bytes);
  return result;
}

}  // namespace

bool write_for(const Op& op, const std::string& content) {
  const base::UniqueFd file = borrow_fd(op);
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
      const base::UniqueFd file = borrow_fd(op);
      return file.valid() && fsync(file.get()) == 0;
    }
    case Sys::kUnlock: {
      if (op.number != SYS_flock) return false;  // fcntl locks belong to the process
      const base::UniqueFd file = borrow_fd(op);
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
    const base::UniqueFd file = borrow_fd(op);
    struct stat opened{};
    if (!file.valid() || fstat(file.get(), &opened) != 0) return false;
    if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino) return false;
  }
  return ::unlink(op.path.c_str()) == 0;
}

bool fill_random(const Op& op, std::uint64_t seed) {
  if (!asks_for_randomness(op)) return false;
  std::string content = stream(seed, std::min(op.bytes, kRandomBytesMax));
  const std::uint64_t address = op.arguments[op.sys == Sys::kRandom ? 0 : 1];
  const iovec local{content.data(), content.size()};
  const iovec remote{reinterpret_cast<void*>(address),  // NOLINT(performance-no-int-to-ptr)
                     content.size()};
  return process_vm_writev(op.tid, &local, 1, &remote, 1, 0) ==
         static_cast<ssize_t>(content.size());
}

}  // namespace stress
