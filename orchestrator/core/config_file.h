#pragma once

#include <filesystem>

#include "orchestrator/core/workspace.h"

namespace orc {

/// Errors: kInvalid, with the name of the setting.
base::Status check_config(const Config& config);

/// Durable and atomic. Errors: kIo.
base::Status write_config(const std::filesystem::path& path, const Config& config);

/// Errors: kNotFound, kDamaged (the message names the field), kIo.
base::Result<Config> read_config(const std::filesystem::path& path);

}  // namespace orc
