#pragma once

#include <memory>

#include "harness/target/target.h"
#include "harness/target/target_file.h"

namespace stress {

/// An orchestrator by its commands, as a target file describes it. Each operation runs one program
/// in the place's environment.
std::unique_ptr<Target> make_command_target(TargetFile file, const RunPlace& place);

/// Makes the place one for such a target: stand-ins come first on PATH, the file's own variables
/// are set, sessions are looked for where the file says. Errors: kIo, kInvalid (a socket's path
/// that is too long).
base::Status furnish_for_commands(const TargetFile& file, RunPlace& place);

}  // namespace stress
