#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stress {

/// Whether a path is one of the folders or lies below one.
bool is_watched(const std::string& path, const std::vector<std::filesystem::path>& folders);

}  // namespace stress
