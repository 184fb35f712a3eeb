#pragma once

#include <limits.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/base/unique_fd.h"

namespace stress {

/// What is known of one stopped task. The descriptor of its /proc folder names that very task for
/// ever: when the pid is recycled, reads through it fail instead of telling of a stranger.
struct Task {
  base::UniqueFd proc;
  pid_t pid = 0;     ///< its process (thread group)
  pid_t origin = 0;  ///< see Op, also for the others
  pid_t command = 0;
  std::uint64_t command_start = 0;
};

/// The only reader of /proc about supervised tasks of one launched root. Every access may fail, as
/// tasks can be killed at any time. Descriptors are kept open for the threads of the root and for
/// the descendants that stopped last, however many there are. Not thread-safe.
class Tasks {
 public:
  explicit Tasks(pid_t root) : root_(root) {}

  /// The task behind a notification; nullptr when it is gone. Valid until the next call.
  Task* find(pid_t tid);

  /// readlink of /proc/TID/<name>; empty when it is gone.
  static std::string link(const Task& task, const std::string& name);
  /// Whole small file /proc/TID/<name>.
  static std::string text(const Task& task, const std::string& name);
  /// Reads the task's memory; short or empty where it is not to be had.
  static std::string memory(pid_t tid, std::uint64_t address, std::size_t bytes);
  /// A NUL-terminated text; of one that is longer than `bytes_max`, at least so much.
  static std::string c_string(pid_t tid, std::uint64_t address, std::size_t bytes_max = PATH_MAX);

 private:
  /// A number may be used again by another process: the start tells them apart.
  struct Origin {
    std::uint64_t start_ticks = 0;
    pid_t thread = 0;
    pid_t command = 0;
    std::uint64_t command_start = 0;
  };
  Origin origin_of(pid_t pid);
  void forget_the_dead();

  pid_t root_;
  std::map<pid_t, Task> tasks_;
  std::size_t sweep_at_ = 32;        ///< with so many tasks the dead are looked for
  std::vector<pid_t> descendants_;   ///< tasks whose descriptors are kept, the oldest first
  std::map<pid_t, Origin> origins_;  ///< by process, as first seen: later its parent may be gone
};

}  // namespace stress
