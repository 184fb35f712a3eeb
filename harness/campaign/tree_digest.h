#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stress {

/// Bytes, mode and name of every file below a folder: what must not change when nothing is to be
/// done. Times are left out, since reading may touch them.
using TreeDigest = std::map<std::string, std::string>;

/// `excluded`: files that are left out (declared logs). Unreadable files count by their error.
TreeDigest digest_tree(const std::filesystem::path& folder,
                       const std::vector<std::filesystem::path>& excluded);

/// Names that were added, removed or changed.
std::vector<std::string> difference(const TreeDigest& before, const TreeDigest& after);

}  // namespace stress
