#pragma once

#include <filesystem>

#include "orchestrator/base/error.h"

namespace stress {

/// Makes `to` a copy of the folder `from`, whatever it was: names, contents, modes, symbolic links,
/// and which names are of one file (hard links). Folders that are there stay the same folders, and
/// files that have one name the same files, so that who lives in one, has it open or has locked it
/// is there still. Errors: kIo.
base::Status copy_folder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace stress
