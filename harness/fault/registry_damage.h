#pragma once

#include <filesystem>
#include <string>

#include "orchestrator/base/error.h"

namespace stress {

/// The fault: does to a registry file what bad storage or a careless hand does.
///   torn      its last third is gone
///   zeroed    as long as before, all NUL (as after a power loss without fsync)
///   empty     no byte
///   vanished  no file
/// A new file takes the old one's place, so that hard links to it (backups) keep their bytes.
/// Errors: kIo, kNotFound, kInvalid (no such kind).
base::Status damage_file(const std::filesystem::path& file, const std::string& kind);

}  // namespace stress
