#pragma once

#include <dirent.h>

#include <memory>
#include <string>
#include <vector>

namespace stress {

/// A folder of /proc, held open: what lies in it is found without another walk from the root, which
/// is most of the price of such a look. What is gone reads as empty. Not thread-safe.
class ProcFolder {
 public:
  explicit ProcFolder(const std::string& path);

  /// Those of its names that are numbers, in the kernel's order.
  [[nodiscard]] std::vector<int> numbers() const;
  /// For openat(2) and its like; -1 where there is no such folder. Valid as long as this is.
  [[nodiscard]] int fd() const;

 private:
  std::unique_ptr<DIR, int (*)(DIR*)> folder_;
};

/// The same of any open folder: where its link leads to, and a small text.
std::string link_at(int folder, const char* name);
std::string text_at(int folder, const char* name);

}  // namespace stress
