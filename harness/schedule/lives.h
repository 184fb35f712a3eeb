#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/schedule/task_table.h"
#include "harness/supervise/op.h"

namespace stress {

/// The process whose life a call asks about: by a signal of number 0, or by a file or folder of its
/// own in /proc. nullopt: it asks for something else, or by ways that are not known.
std::optional<pid_t> asked_about(const Op& op);

/// What such a call would be told now: "lives", "is a zombie" or "is gone".
std::string_view standing_of(pid_t process);

/// Notices which processes of a schedule have ended, and which that had ended were taken note of
/// by whoever waited for them. Not thread-safe.
class Lives {
 public:
  struct Change {
    std::string task;  ///< the main thread's label
    pid_t process = 0;
    bool reaped = false;
  };
  /// Since it was last asked, by label.
  std::vector<Change> changes(const TaskTable& tasks);

 private:
  std::set<std::string> living_;
  std::set<std::string> unreaped_;
};

}  // namespace stress
