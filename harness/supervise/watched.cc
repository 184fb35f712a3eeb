#include "harness/supervise/watched.h"

#include <algorithm>

namespace stress {

bool is_watched(const std::string& path, const std::vector<std::filesystem::path>& folders) {
  return std::ranges::any_of(folders, [&](const std::filesystem::path& folder) {
    const std::string& prefix = folder.native();
    if (prefix.empty() || !path.starts_with(prefix)) return false;
    return path.size() == prefix.size() || path[prefix.size()] == '/';
  });
}

}  // namespace stress
