#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace stress {

enum class Sys {
  kOpen,
  kWrite,
  kSync,
  kRename,
  kLink,
  kUnlink,
  kFolder,
  kTruncate,
  kMode,
  kLock,
  kUnlock,
  kExec,
  kConnect,
  kSend,
  kSignal,
  kExit,
  kRead,
  kLook,    ///< stat, access, readlink and their like, the listing of a folder
  kSleep,   ///< a wait for nothing but time
  kRandom,  ///< getrandom
  kFork,    ///< of a process or of a thread
  kOther
};
std::string_view to_string(Sys sys);

/// One trapped system call, decoded: a value. `root` and `origin` say whose it is in terms of what
/// was launched; pids only serve to reach the task while it is stopped here.
struct Op {
  Sys sys = Sys::kOther;
  std::string_view name;   ///< of the system call; static storage
  std::uint32_t root = 0;  ///< which launch
  pid_t origin = 0;        ///< thread of the root process that made this call, or that forked the
                           ///< (grand)child that did; 0: not known (its parent is gone)
  bool in_root = false;    ///< made by the launched process itself, not by a descendant
  /// Whose command it is: the direct child of the launched process that made this call or is an
  /// ancestor of who did. 0: the launched process's own call, or not known (its parent is gone).
  pid_t command = 0;
  std::uint64_t command_start = 0;  ///< its start, since numbers are used again
  bool in_command = false;          ///< made by that child itself
  bool detached = false;  ///< made in a session of its own: by a daemon, or who is about to be one
  pid_t tid = 0;
  pid_t pid = 0;
  int fd = -1;
  /// open, look: its flags; lock: its operation; signal: its number; fork: those of clone.
  int flags = 0;
  std::string path;         ///< absolute; for fds: what they refer to ("socket:[…]", "pipe:[…]")
  std::string path2;        ///< rename, link: the new name
  std::uint64_t bytes = 0;  ///< write: how many; read, random: how many are asked for
  bool folder = false;      ///< sync: of a folder; look: the listing of one
  /// sleep: how long from now on; max(): until a signal comes; 0 also where it cannot be read.
  std::chrono::nanoseconds sleep{};
  /// exec, where the policy asks for it: the arguments of the program, without its own name,
  /// joined by spaces; at most kArgvBytesMax of them.
  std::string argv;
  bool argv_cut = false;  ///< there was more
  std::uint64_t arguments[6] = {};
  int number = 0;
};

/// "write 8192 bytes to /w/registry.json.tmp-x", for traces and reports.
std::string describe(const Op& op);

}  // namespace stress
