#include "harness/supervise/decode.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "harness/supervise/real_path.h"

namespace stress {
namespace {

/// How a call's arguments are to be read. Numbers are argument positions; -1: has none.
struct Shape {
  long number;
  std::string_view name;
  Sys sys;
  int fd = -1;   ///< argument that is a file descriptor operated on
  int dir = -1;  ///< argument that is the folder of `path`
  int path = -1;
  int dir2 = -1;
  int path2 = -1;
  int flags = -1;
  int bytes = -1;
};

constexpr long kFchmodat2 = 452;  // Linux 6.6; not yet in Debian 12's headers

constexpr std::array kShapes = {
    Shape{SYS_write, "write", Sys::kWrite, 0, -1, -1, -1, -1, -1, 2},
    Shape{SYS_pwrite64, "pwrite64", Sys::kWrite, 0, -1, -1, -1, -1, -1, 2},
    Shape{SYS_writev, "writev", Sys::kWrite, 0},
    Shape{SYS_pwritev, "pwritev", Sys::kWrite, 0},
    Shape{SYS_pwritev2, "pwritev2", Sys::kWrite, 0},
    Shape{SYS_sendfile, "sendfile", Sys::kWrite, 0, -1, -1, -1, -1, -1, 3},
    Shape{SYS_splice, "splice", Sys::kWrite, 2, -1, -1, -1, -1, -1, 4},
    Shape{SYS_copy_file_range, "copy_file_range", Sys::kWrite, 2, -1, -1, -1, -1, -1, 4},
    Shape{SYS_fsync, "fsync", Sys::kSync, 0},
    Shape{SYS_fdatasync, "fdatasync", Sys::kSync, 0},
    Shape{SYS_syncfs, "syncfs", Sys::kSync, 0},
    Shape{SYS_sync_file_range, "sync_file_range", Sys::kOther, 0},
    Shape{SYS_open, "open", Sys::kOpen, -1, -1, 0, -1, -1, 1},
    Shape{SYS_openat, "openat", Sys::kOpen, -1, 0, 1, -1, -1, 2},
    Shape{SYS_openat2, "openat2", Sys::kOpen, -1, 0, 1},
    Shape{SYS_creat, "creat", Sys::kOpen, -1, -1, 0},
    Shape{SYS_mknod, "mknod", Sys::kOpen, -1, -1, 0},
    Shape{SYS_mknodat, "mknodat", Sys::kOpen, -1, 0, 1},
    Shape{SYS_rename, "rename", Sys::kRename, -1, -1, 0, -1, 1},
    Shape{SYS_renameat, "renameat", Sys::kRename, -1, 0, 1, 2, 3},
    Shape{SYS_renameat2, "renameat2", Sys::kRename, -1, 0, 1, 2, 3},
    Shape{SYS_link, "link", Sys::kLink, -1, -1, 0, -1, 1},
    Shape{SYS_linkat, "linkat", Sys::kLink, -1, 0, 1, 2, 3},
    Shape{SYS_symlink, "symlink", Sys::kLink, -1, -1, 0, -1, 1},
    Shape{SYS_symlinkat, "symlinkat", Sys::kLink, -1, -1, 0, 1, 2},
    Shape{SYS_unlink, "unlink", Sys::kUnlink, -1, -1, 0},
    Shape{SYS_unlinkat, "unlinkat", Sys::kUnlink, -1, 0, 1},
    Shape{SYS_mkdir, "mkdir", Sys::kFolder, -1, -1, 0},
    Shape{SYS_mkdirat, "mkdirat", Sys::kFolder, -1, 0, 1},
    Shape{SYS_rmdir, "rmdir", Sys::kFolder, -1, -1, 0},
    Shape{SYS_truncate, "truncate", Sys::kTruncate, -1, -1, 0, -1, -1, -1, 1},
    Shape{SYS_ftruncate, "ftruncate", Sys::kTruncate, 0, -1, -1, -1, -1, -1, 1},
    Shape{SYS_fallocate, "fallocate", Sys::kTruncate, 0, -1, -1, -1, -1, -1, 3},
    Shape{SYS_chmod, "chmod", Sys::kMode, -1, -1, 0},
    Shape{SYS_fchmod, "fchmod", Sys::kMode, 0},
    Shape{SYS_fchmodat, "fchmodat", Sys::kMode, -1, 0, 1},
    Shape{kFchmodat2, "fchmodat2", Sys::kMode, -1, 0, 1},
    Shape{SYS_flock, "flock", Sys::kLock, 0, -1, -1, -1, -1, 1},
    Shape{SYS_fcntl, "fcntl", Sys::kLock, 0, -1, -1, -1, -1, 1},
    Shape{SYS_execve, "execve", Sys::kExec, -1, -1, 0},
    Shape{SYS_execveat, "execveat", Sys::kExec, -1, 0, 1},
    Shape{SYS_connect, "connect", Sys::kConnect, 0},
    Shape{SYS_sendto, "sendto", Sys::kSend, 0, -1, -1, -1, -1, -1, 2},
    Shape{SYS_sendmsg, "sendmsg", Sys::kSend, 0},
    Shape{SYS_sendmmsg, "sendmmsg", Sys::kSend, 0},
    Shape{SYS_kill, "kill", Sys::kSignal, -1, -1, -1, -1, -1, 1},
    Shape{SYS_tkill, "tkill", Sys::kSignal, -1, -1, -1, -1, -1, 1},
    Shape{SYS_tgkill, "tgkill", Sys::kSignal, -1, -1, -1, -1, -1, 2},
    Shape{SYS_pidfd_send_signal, "pidfd_send_signal", Sys::kSignal, -1, -1, -1, -1, -1, 1},
    Shape{SYS_exit_group, "exit_group", Sys::kExit},
};

const Shape* shape_of(long number) {
  const auto found = std::ranges::find(kShapes, number, &Shape::number);
  return found == kShapes.end() ? nullptr : &*found;
}

/// Joins a path with the folder it is relative to, as the task sees it. An empty path means the
/// descriptor itself (AT_EMPTY_PATH), or is a mistake.
std::string absolute(const Task& task, pid_t tid, std::uint64_t address, int folder) {
  std::string path = Tasks::c_string(tid, address);
  if (path.starts_with('/') || (path.empty() && folder == AT_FDCWD)) return path;
  const std::string base =
      Tasks::link(task, folder == AT_FDCWD ? std::string("cwd") : fmt::format("fd/{}", folder));
  return base.empty() || path.empty() ? base + path : base + "/" + path;
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

void refine(Op& op, const Task& task) {
  if (op.sys == Sys::kOpen) {
    op.flags = open_flags(op);
  } else if (op.sys == Sys::kWrite && is_vector_write(op)) {
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
    op.path = unix_socket_path(op.tid, op.arguments[1], op.arguments[2]);
  }
}

/// As much of it as a sentence bears.
std::string quoted_argv(const Op& op) {
  constexpr std::size_t kShown = 200;
  if (op.argv.empty()) return {};
  const bool all = op.argv.size() <= kShown;
  return fmt::format(" with '{}'{}{}", op.argv.substr(0, kShown), all ? "" : "...",
                     op.argv_cut ? fmt::format(" (looked at: {} bytes)", kArgvBytesMax) : "");
}

}  // namespace

std::string_view to_string(Sys sys) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "open", "write",  "fsync", "rename",  "link", "unlink", "folder", "truncate", "chmod",
      "lock", "unlock", "exec",  "connect", "send", "signal", "exit",   "other"};
  return kNames.at(static_cast<std::size_t>(sys));
}

std::optional<Op> decode(const seccomp_notif& notification, Tasks& tasks, std::uint32_t root,
                         pid_t root_pid) {
  const auto tid = static_cast<pid_t>(notification.pid);
  const Task* task = tasks.find(tid);
  if (task == nullptr) return std::nullopt;
  Op op;
  op.root = root;
  op.tid = tid;
  op.pid = task->pid;
  op.in_root = task->pid == root_pid;
  op.origin = task->origin;
  op.command = task->command;
  op.command_start = task->command_start;
  op.in_command = op.command != 0 && op.pid == op.command;
  // A root whose number is gone was of the session in which it was launched: this process's own.
  const pid_t session = getsid(root_pid);
  op.detached = getsid(op.pid) != (session > 0 ? session : getsid(0));
  op.number = notification.data.nr;
  std::ranges::copy(notification.data.args, op.arguments);

  const Shape* shape = shape_of(op.number);
  if (shape == nullptr) {
    op.name = "unknown";
    return op;
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
    op.path = Tasks::link(*task, fmt::format("fd/{}", op.fd));
  }
  if (shape->path >= 0) op.path = absolute(*task, tid, argument(shape->path), folder(shape->dir));
  if (shape->path2 >= 0) {
    op.path2 = absolute(*task, tid, argument(shape->path2), folder(shape->dir2));
  }
  if (shape->flags >= 0) op.flags = static_cast<int>(argument(shape->flags));
  if (shape->bytes >= 0) op.bytes = argument(shape->bytes);
  refine(op, *task);
  // A program is called by its name: many are links to one file.
  if (op.sys == Sys::kExec) return op;
  if (shape->path >= 0) op.path = real_path(op.path, follows_last(op));
  if (shape->path2 >= 0) op.path2 = real_path(op.path2, false);
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

std::string describe(const Op& op) {
  switch (op.sys) {
    case Sys::kWrite:
      return fmt::format("{} of {} bytes to {}", op.name, op.bytes, op.path);
    case Sys::kRename:
    case Sys::kLink:
      return fmt::format("{} of {} to {}", op.name, op.path, op.path2);
    case Sys::kUnlock:
      return fmt::format("{} (unlock) of {}", op.name, op.path);
    case Sys::kSync:
      return fmt::format("{} of {}{}", op.name, op.folder ? "the folder " : "", op.path);
    case Sys::kSignal:
      return fmt::format("{} with signal {}", op.name, op.flags);
    case Sys::kExit:
      return std::string(op.name);
    case Sys::kExec:
      return fmt::format("{} of {}{}", op.name, op.path, quoted_argv(op));
    default:
      return fmt::format("{} of {}", op.name, op.path);
  }
}

}  // namespace stress
