#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"

namespace orc {

// What replace_file() leaves beside a file where its process is killed before the rename. Under the
// lock of the registry nobody is in the middle of one, so all there are were left behind.

/// Names in the file's folder, sorted.
std::vector<std::string> temporary_files(const std::filesystem::path& file);

/// Their number. Errors: kIo; those before it are gone then.
base::Result<int> remove_temporary_files(const std::filesystem::path& file);

}  // namespace orc
