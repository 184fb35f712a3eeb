#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace stress {

/// A lock that somebody holds on a file, as the kernel lists it.
struct HeldLock {
  enum class Kind { kFlock, kPosix, kOfd };
  Kind kind = Kind::kFlock;
  bool exclusive = false;
  pid_t pid = 0;           ///< who took it; of OFD locks, which belong to no process: -1
  std::string file;        ///< "major:minor:inode", numbers of the file system's own
  std::int64_t first = 0;  ///< the bytes of its range, both ends included
  std::int64_t last = 0;   ///< INT64_MAX: however long the file becomes
};

/// Those of all files (/proc/locks) whose holders this process can see; who only waits is left out.
std::vector<HeldLock> held_locks();

/// The lines of /proc/locks about these inodes, without their numbers: they change when a lock of
/// such a file is taken or released, or waited for.
std::string lines_about(const std::set<ino_t>& inodes);

/// Those that a task holds by this descriptor.
std::vector<HeldLock> locks_by_fd(pid_t tid, int fd);

}  // namespace stress
