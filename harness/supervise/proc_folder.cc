#include "harness/supervise/proc_folder.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "orchestrator/base/unique_fd.h"

namespace stress {

ProcFolder::ProcFolder(const std::string& path) : folder_(opendir(path.c_str()), closedir) {}

int ProcFolder::fd() const { return folder_ == nullptr ? -1 : dirfd(folder_.get()); }

std::vector<int> ProcFolder::numbers() const {
  std::vector<int> numbers;
  if (folder_ == nullptr) return numbers;
  rewinddir(folder_.get());
  while (const dirent* entry = readdir(folder_.get())) {
    const std::string_view name = entry->d_name;
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) numbers.push_back(number);
  }
  return numbers;
}

std::string link_at(int folder, const char* name) {
  char target[PATH_MAX];
  const ssize_t got = readlinkat(folder, name, target, sizeof target);
  return got < 0 ? std::string() : std::string(target, static_cast<std::size_t>(got));
}

std::string text_at(int folder, const char* name) {
  const base::UniqueFd file(openat(folder, name, O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while (file.valid() && (got = read(file.get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace stress
