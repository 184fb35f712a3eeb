#include "harness/supervise/decode.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "harness/supervise/call_shapes.h"
#include "harness/supervise/real_path.h"
#include "harness/supervise/sleep_length.h"

namespace stress {
namespace {

/// Joins a name with the folder it is relative to, as the task sees it. An empty name means the
/// descriptor itself (AT_EMPTY_PATH), or is a mistake.
std::string absolute(const Task& task, const std::string& name, int folder) {
  if (name.starts_with('/') || (name.empty() && folder == AT_FDCWD)) return name;
  const std::string base =
      Tasks::link(task, folder == AT_FDCWD ? std::string("cwd") : fmt::format("fd/{}", folder));
  return base.empty() || name.empty() ? base + name : base + "/" + name;
}

/// The flags of those opens that have them elsewhere than in an argument, or have none.
int open_flags(const Op& op) {
  if (op.number == SYS_creat) return O_CREAT | O_WRONLY | O_TRUNC;
  if (op.number == SYS_mknod || op.number == SYS_mknodat) return O_CREAT | O_EXCL;
  if (op.number != SYS_openat2) return op.flags;
  const std::string how = Tasks::memory(op.tid, op.arguments[2], sizeof(std::uint64_t));
  std::uint64_t flags = 0;  // the first member of struct open_how
  std::memcpy(&flags, how.data(), std::min(how.size(), sizeof flags));
  return static_cast<int>(flags);
}

bool follows_last(const Op& op) {
  if (op.sys == Sys::kOpen) {
    const bool exclusive = (op.flags & O_CREAT) != 0 && (op.flags & O_EXCL) != 0;
    return !exclusive && (op.flags & O_NOFOLLOW) == 0;
  }
  if (op.sys == Sys::kLook) {
    return op.number != SYS_lstat && op.number != SYS_readlink && op.number != SYS_readlinkat &&
           (op.flags & AT_SYMLINK_NOFOLLOW) == 0;
  }
  return op.sys == Sys::kTruncate || op.sys == Sys::kMode;
}

std::string unix_socket_path(pid_t tid, std::uint64_t address, std::uint64_t bytes) {
  const std::string raw =
      Tasks::memory(tid, address, std::min<std::uint64_t>(bytes, sizeof(sockaddr_un)));
  sa_family_t family = AF_UNSPEC;
  if (raw.size() <= sizeof family) return {};
  std::memcpy(&family, raw.data(), sizeof family);
  if (family != AF_UNIX) return {};
  return std::string(raw.c_str() + sizeof family);
}

std::vector<iovec> vectors(const Op& op) {
  const std::uint64_t count = std::min<std::uint64_t>(op.arguments[2], IOV_MAX);
  const std::string raw = Tasks::memory(op.tid, op.arguments[1], count * sizeof(iovec));
  std::vector<iovec> result(raw.size() / sizeof(iovec));
  std::memcpy(result.data(), raw.data(), result.size() * sizeof(iovec));
  return result;
}

bool is_vector_write(const Op& op) {
  return op.number == SYS_writev || op.number == SYS_pwritev || op.number == SYS_pwritev2;
}

bool is_vector_read(const Op& op) {
  return op.number == SYS_readv || op.number == SYS_preadv || op.number == SYS_preadv2;
}

int fork_flags(const Op& op) {
  if (op.number == SYS_clone) return op.flags;
  if (op.number == SYS_fork) return SIGCHLD;
  if (op.number == SYS_vfork) return CLONE_VFORK | CLONE_VM | SIGCHLD;
  const std::string raw = Tasks::memory(op.tid, op.arguments[0], sizeof(std::uint64_t));
  std::uint64_t flags = 0;  // the first member of struct clone_args
  std::memcpy(&flags, raw.data(), std::min(raw.size(), sizeof flags));
  return static_cast<int>(flags);
}

void refine(Op& op, const Task& task) {
  if (op.sys == Sys::kOpen) {
    op.flags = open_flags(op);
  } else if (is_vector_write(op) || is_vector_read(op)) {
    for (const iovec& piece : vectors(op)) op.bytes += piece.iov_len;
  } else if (op.sys == Sys::kSync) {
    struct stat about{};
    op.folder = fstatat(task.proc.get(), fmt::format("fd/{}", op.fd).c_str(), &about, 0) == 0 &&
                S_ISDIR(about.st_mode);
  } else if (op.number == SYS_flock) {
    if ((op.flags & LOCK_UN) != 0) op.sys = Sys::kUnlock;
  } else if (op.sys == Sys::kLock) {
    const std::string raw = Tasks::memory(op.tid, op.arguments[2], sizeof(struct flock));
    struct flock lock{};
    std::memcpy(&lock, raw.data(), std::min(raw.size(), sizeof lock));
    if (lock.l_type == F_UNLCK) op.sys = Sys::kUnlock;
  } else if (op.sys == Sys::kConnect) {
    const std::string name = unix_socket_path(op.tid, op.arguments[1], op.arguments[2]);
    op.path = absolute(task, name, AT_FDCWD);
  } else if (op.sys == Sys::kLook) {
    op.folder = op.number == SYS_getdents64;
  } else if (op.sys == Sys::kSleep) {
    op.sleep = sleep_length(op);
  } else if (op.sys == Sys::kFork) {
    op.flags = fork_flags(op);
  }
}

/// The part of an Op that the call itself tells, with its names as the caller wrote them.
void read_call(Op& op, const seccomp_notif& notification, const Task& task) {
  op.tid = static_cast<pid_t>(notification.pid);
  op.pid = task.pid;
  op.number = notification.data.nr;
  std::ranges::copy(notification.data.args, op.arguments);
  const CallShape* shape = shape_of(op.number);
  if (shape == nullptr) {
    op.name = "unknown";
    return;
  }
  op.name = shape->name;
  op.sys = shape->sys;
  const auto argument = [&](int position) {
    return op.arguments[static_cast<std::size_t>(position)];
  };
  const auto folder = [&](int position) {
    return position < 0 ? AT_FDCWD : static_cast<int>(argument(position));
  };
  if (shape->fd >= 0) {
    op.fd = static_cast<int>(argument(shape->fd));
    op.path = Tasks::link(task, fmt::format("fd/{}", op.fd));
  }
  if (shape->path >= 0) {
    const std::string name = Tasks::c_string(op.tid, argument(shape->path));
    // glibc's fstat is one; what a descriptor refers to needs no resolving.
    if (name.empty() && op.sys == Sys::kLook && shape->dir >= 0) op.fd = folder(shape->dir);
    op.path = absolute(task, name, folder(shape->dir));
  }
  if (shape->path2 >= 0) {
    const std::string name = Tasks::c_string(op.tid, argument(shape->path2));
    op.path2 = absolute(task, name, folder(shape->dir2));
  }
  if (shape->flags >= 0) op.flags = static_cast<int>(argument(shape->flags));
  if (shape->bytes >= 0) op.bytes = argument(shape->bytes);
}

}  // namespace

std::optional<Op> glance(const seccomp_notif& notification, Tasks& tasks) {
  const Task* task = tasks.find(static_cast<pid_t>(notification.pid));
  if (task == nullptr) return std::nullopt;
  Op op;
  read_call(op, notification, *task);
  if (op.path.find("/.") != std::string::npos || op.path.find("//") != std::string::npos) {
    op.path = std::filesystem::path(op.path).lexically_normal();
  }
  return op;
}

std::optional<Op> decode(const seccomp_notif& notification, Tasks& tasks, std::uint32_t root,
                         pid_t root_pid) {
  const Task* task = tasks.find(static_cast<pid_t>(notification.pid));
  if (task == nullptr) return std::nullopt;
  Op op;
  op.root = root;
  op.in_root = task->pid == root_pid;
  op.origin = task->origin;
  op.command = task->command;
  op.command_start = task->command_start;
  op.in_command = op.command != 0 && task->pid == op.command;
  // A root whose number is gone was of the session in which it was launched: this process's own.
  const pid_t session = getsid(root_pid);
  op.detached = getsid(task->pid) != (session > 0 ? session : getsid(0));
  read_call(op, notification, *task);
  refine(op, *task);
  // A program is called by its name: many are links to one file. What a descriptor refers to is
  // resolved already.
  if (op.sys == Sys::kExec || op.fd >= 0) return op;
  op.path = real_path(op.path, follows_last(op));
  op.path2 = real_path(op.path2, false);
  return op;
}

void read_argv(Op& op) {
  std::uint64_t position = op.arguments[op.number == SYS_execveat ? 2 : 1];
  std::size_t count = 0;
  while (op.argv.size() <= kArgvBytesMax) {
    std::uint64_t address = 0;
    const std::string pointer = Tasks::memory(op.tid, position, sizeof address);
    if (pointer.size() != sizeof address) return;
    std::memcpy(&address, pointer.data(), sizeof address);
    if (address == 0) return;
    position += sizeof address;
    if (++count == 1) continue;
    if (count > 2) op.argv += ' ';
    op.argv += Tasks::c_string(op.tid, address, kArgvBytesMax + 1);
  }
  op.argv.resize(kArgvBytesMax);
  op.argv_cut = true;
}

bool opens_for_writing(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

bool is_positioned(const Op& op) {
  constexpr auto kHere = static_cast<std::uint64_t>(-1);  // pwritev2 as writev
  return op.number == SYS_pwrite64 || op.number == SYS_pwritev ||
         (op.number == SYS_pwritev2 && op.arguments[3] != kHere);
}

bool has_bytes_in_memory(const Op& op) {
  if (op.number == SYS_pwritev2) return op.arguments[5] == 0;  // RWF_APPEND and the like
  return op.number == SYS_write || op.number == SYS_pwrite64 || is_vector_write(op);
}

std::string gather(const Op& op, std::size_t bytes_max) {
  if (!has_bytes_in_memory(op)) return {};
  if (!is_vector_write(op)) {
    return Tasks::memory(op.tid, op.arguments[1], std::min<std::size_t>(op.bytes, bytes_max));
  }
  std::string content;
  for (const iovec& piece : vectors(op)) {
    if (content.size() >= bytes_max) break;
    content += Tasks::memory(op.tid, reinterpret_cast<std::uint64_t>(piece.iov_base),
                             std::min(piece.iov_len, bytes_max - content.size()));
  }
  return content;
}

std::optional<std::uint64_t> file_offset(const Op& op) {
  if (is_positioned(op)) return op.arguments[3];
  const std::string proc = fmt::format("/proc/{}", op.tid);
  struct stat about{};
  if (stat(fmt::format("{}/fd/{}", proc, op.fd).c_str(), &about) != 0 || !S_ISREG(about.st_mode)) {
    return std::nullopt;
  }
  FILE* info = std::fopen(fmt::format("{}/fdinfo/{}", proc, op.fd).c_str(), "re");
  if (info == nullptr) return std::nullopt;
  unsigned long long position = 0;
  unsigned flags = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
  const bool known = std::fscanf(info, "pos: %llu flags: %o", &position, &flags) == 2;
  std::fclose(info);
  if (!known) return std::nullopt;
  return (flags & O_APPEND) != 0 ? static_cast<std::uint64_t>(about.st_size) : position;
}

}  // namespace stress
