#include "orchestrator/registry/temporary_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace orc {

std::vector<std::string> temporary_files(const std::filesystem::path& file) {
  const std::string beginning = file.filename().string() + ".tmp-";
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(file.parent_path(), error), end;
       !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.starts_with(beginning)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

base::Result<int> remove_temporary_files(const std::filesystem::path& file) {
  int removed = 0;
  for (const std::string& name : temporary_files(file)) {
    const std::filesystem::path path = file.parent_path() / name;
    if (::unlink(path.c_str()) != 0) return base::fail_errno(errno, "remove", path);
    ++removed;
  }
  return removed;
}

}  // namespace orc
