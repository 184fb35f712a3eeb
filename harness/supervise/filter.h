#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "orchestrator/base/error.h"

namespace stress {

/// Which system calls stop at the supervisor. Everything else runs at full speed: the choice is
/// made by the kernel, on the call's number and, for open and fcntl, on its arguments.
enum FilterSet : std::uint32_t {
  kMutations = 1u << 0,  ///< writes, opens for writing, rename, link, unlink, sync, truncate, …
  kLocking = 1u << 1,    ///< flock, and fcntl with a lock command
  kExecution = 1u << 2,  ///< execve
  kSockets = 1u << 3,    ///< connect and send
  kReadOpens = 1u << 4,  ///< opens for reading
  kExits = 1u << 5,      ///< exit_group: a process is about to end
  kSignals = 1u << 6,    ///< kill and its like, the probe with signal 0 excepted
  kReads = 1u << 7,      ///< read and its like, of standard input excepted (descriptors 0 to 2)
  /// stat, access, readlink and their like, and the listing of folders. fstat is not one, but what
  /// glibc makes of it is: newfstatat with an empty name, which lies in memory.
  kLooks = 1u << 8,
  kSleeps = 1u << 9,       ///< nanosleep and its like; poll and select of no descriptor
  kRandomness = 1u << 10,  ///< getrandom
  kForks = 1u << 11,       ///< fork, vfork, clone, threads too
  kProbes = 1u << 12,      ///< with kSignals: the probe with signal 0 too
};

/// What a crash of a spawner may fall upon.
inline constexpr std::uint32_t kCrashSet = kMutations | kLocking | kExecution | kSockets;
/// What is watched where a path is walked point by point.
inline constexpr std::uint32_t kPointSet = kCrashSet | kExits | kSignals;
/// What a scheduler decides upon, or must know of.
inline constexpr std::uint32_t kScheduleSet =
    kPointSet | kReadOpens | kReads | kLooks | kSleeps | kRandomness | kForks | kProbes;

/// A ready BPF program, made by libseccomp. io_uring_setup, calls of foreign architectures (32-bit,
/// x32) and, with kMutations, shared mappings of files stop too: see blind_spots.h.
using BpfProgram = std::vector<sock_filter>;

/// Errors: kIo (libseccomp or memory).
base::Result<BpfProgram> build_filter(std::uint32_t set);

}  // namespace stress
