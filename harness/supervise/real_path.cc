#include "harness/supervise/real_path.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <fmt/format.h>

#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

/// What the kernel calls the object of this path; empty: there is none. Two calls however deep the
/// path, where realpath needs one for each component.
std::string name_by_kernel(const std::string& path) {
  const base::UniqueFd object(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!object.valid()) return {};
  char name[PATH_MAX];
  const ssize_t got =
      readlink(fmt::format("/proc/self/fd/{}", object.get()).c_str(), name, sizeof name);
  return got > 0 ? std::string(name, static_cast<std::size_t>(got)) : std::string();
}

}  // namespace

std::string real_path(const std::string& path, bool follow_last) {
  if (!path.starts_with('/') || path.starts_with("/proc/") || path.starts_with("/dev/")) {
    return path;
  }
  std::string folder = path;
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  const std::string last = folder.substr(folder.rfind('/') + 1);
  if (follow_last || last == "." || last == ".." || last.empty()) {
    if (std::string name = name_by_kernel(folder); !name.empty()) return name;
  }
  folder.resize(folder.size() - last.size());
  std::string name = name_by_kernel(folder);
  if (name.empty()) return path;
  if (name != "/") name += '/';
  return name + last;
}

}  // namespace stress
