#include "harness/supervise/call_shapes.h"

#include <sys/syscall.h>

#include <array>
#include <cstdint>

namespace stress {
namespace {

using Shape = CallShape;

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
    Shape{SYS_read, "read", Sys::kRead, 0, -1, -1, -1, -1, -1, 2},
    Shape{SYS_pread64, "pread64", Sys::kRead, 0, -1, -1, -1, -1, -1, 2},
    Shape{SYS_readv, "readv", Sys::kRead, 0},
    Shape{SYS_preadv, "preadv", Sys::kRead, 0},
    Shape{SYS_preadv2, "preadv2", Sys::kRead, 0},
    Shape{SYS_stat, "stat", Sys::kLook, -1, -1, 0},
    Shape{SYS_lstat, "lstat", Sys::kLook, -1, -1, 0},
    Shape{SYS_newfstatat, "newfstatat", Sys::kLook, -1, 0, 1, -1, -1, 3},
    Shape{SYS_statx, "statx", Sys::kLook, -1, 0, 1, -1, -1, 2},
    Shape{SYS_access, "access", Sys::kLook, -1, -1, 0},
    Shape{SYS_faccessat, "faccessat", Sys::kLook, -1, 0, 1},
    Shape{SYS_faccessat2, "faccessat2", Sys::kLook, -1, 0, 1, -1, -1, 3},
    Shape{SYS_readlink, "readlink", Sys::kLook, -1, -1, 0},
    Shape{SYS_readlinkat, "readlinkat", Sys::kLook, -1, 0, 1},
    Shape{SYS_getdents64, "getdents64", Sys::kLook, 0},
    Shape{SYS_nanosleep, "nanosleep", Sys::kSleep},
    Shape{SYS_clock_nanosleep, "clock_nanosleep", Sys::kSleep, -1, -1, -1, -1, -1, 1},
    Shape{SYS_poll, "poll", Sys::kSleep},
    Shape{SYS_ppoll, "ppoll", Sys::kSleep},
    Shape{SYS_select, "select", Sys::kSleep},
    Shape{SYS_pselect6, "pselect6", Sys::kSleep},
    Shape{SYS_getrandom, "getrandom", Sys::kRandom, -1, -1, -1, -1, -1, 2, 1},
    Shape{SYS_fork, "fork", Sys::kFork},
    Shape{SYS_vfork, "vfork", Sys::kFork},
    Shape{SYS_clone, "clone", Sys::kFork, -1, -1, -1, -1, -1, 0},
    Shape{SYS_clone3, "clone3", Sys::kFork},
};

constexpr std::size_t kNumbers = 512;  // of calls; the newest of the table is below

/// By number of the call: one more than its place in the table, or 0.
constexpr auto kPlaces = [] {
  static_assert(kShapes.size() < 256);
  std::array<std::uint8_t, kNumbers> places{};
  for (std::size_t i = 0; i < kShapes.size(); ++i) {
    places.at(static_cast<std::size_t>(kShapes.at(i).number)) = static_cast<std::uint8_t>(i + 1);
  }
  return places;
}();

}  // namespace

const CallShape* shape_of(long number) {
  if (number < 0 || number >= static_cast<long>(kNumbers)) return nullptr;
  const std::size_t place = kPlaces.at(static_cast<std::size_t>(number));
  return place == 0 ? nullptr : &kShapes.at(place - 1);
}

}  // namespace stress
