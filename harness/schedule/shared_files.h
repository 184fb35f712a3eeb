#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/schedule/descriptors.h"
#include "harness/schedule/task_table.h"

namespace stress {

/// Which processes of an operation have a file open that another of them has too: mostly by one
/// descriptor that was inherited. Then a lock that one of them takes is had by all, and is released
/// by the last who closes it, so who closes it when makes a difference before anybody has the lock.
///
/// By name: who has opened the same file anew counts as sharing it. Not thread-safe.
class SharedFiles {
 public:
  /// Asks the kernel anew about processes that may have run. Returns the labels of the living who
  /// have closed since what they shared. To be called when the others have been asked whether the
  /// dead had any.
  std::vector<std::string> look(const TaskTable& tasks, DescriptorTable& descriptors);

  /// Of the process of this main thread, when look() was last called.
  [[nodiscard]] bool has_any(std::string_view task) const { return shared_.contains(task); }

 private:
  std::map<std::string, std::set<std::string>, std::less<>> shared_;  ///< by label; at least one
};

}  // namespace stress
