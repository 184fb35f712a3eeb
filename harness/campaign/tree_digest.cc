#include "harness/campaign/tree_digest.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <xxhash.h>

#include "orchestrator/base/file_io.h"

namespace stress {
namespace fs = std::filesystem;

TreeDigest digest_tree(const fs::path& folder, const std::vector<fs::path>& excluded) {
  TreeDigest digest;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (std::ranges::find(excluded, path) != excluded.end()) continue;
    struct stat about{};
    if (lstat(path.c_str(), &about) != 0) continue;
    std::string content = "-";
    if (S_ISREG(about.st_mode)) {
      const base::Result<std::string> bytes = base::read_file(path);
      content = bytes ? fmt::format("{:016x}", XXH3_64bits(bytes->data(), bytes->size()))
                      : bytes.error().message;
    }
    digest[fs::relative(path, folder).string()] = fmt::format(
        "{:o} {} {}", about.st_mode, S_ISREG(about.st_mode) ? about.st_size : 0, content);
  }
  return digest;
}

std::vector<std::string> difference(const TreeDigest& before, const TreeDigest& after) {
  std::set<std::string> changed;
  for (const auto& [name, value] : before) {
    const auto found = after.find(name);
    if (found == after.end() || found->second != value) changed.insert(name);
  }
  for (const auto& [name, value] : after) {
    if (!before.contains(name)) changed.insert(name);
  }
  return {changed.begin(), changed.end()};
}

}  // namespace stress
