#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/campaign/storm.h"
#include "orchestrator/base/error.h"

namespace stress {

struct AuditSettings {
  std::string target = "builtin";   ///< or a target file
  std::filesystem::path workspace;  ///< of a live installation
  std::filesystem::path out = "stress-results";
  bool allow_commands = false;       ///< the target's own command may be run to read the registry
  std::vector<std::string> command;  ///< argv that makes this audit again
};

/// Looks at a live installation and judges its present state. Changes not one byte of the
/// workspace, starts nothing of the target's and no tmux server, and touches no session. What is in
/// motion while it looks is left out, and said.
/// Errors: there is nothing to be looked at, or it must not be; the results cannot be written.
base::Result<StormResult> run_audit(const AuditSettings& settings);

}  // namespace stress
