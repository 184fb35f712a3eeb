#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"

namespace base {

/// As execvp(3) finds it, on the PATH that the program itself will see. A name with a slash is
/// taken as it is. Errors: kInvalid (no name), kNotFound.
Result<std::filesystem::path> find_program(const std::string& name,
                                           const std::vector<std::string>& environment);

}  // namespace base
