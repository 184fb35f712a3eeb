#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/core/workspace.h"

namespace orc {

struct ImportReport {
  int tasks = 0;
  int agents = 0;
  std::vector<std::string> disagreements;  ///< between the source's own files
  std::vector<std::string> skipped;        ///< damaged files and records, with the reason
  std::vector<std::string> renamed;        ///< ids that had to change to be unique: "old -> new"
};

/// Reads an `.agent-workspace/` folder (registry/GLOBAL_REGISTRY.json and
/// TASK-*/AGENT_REGISTRY.json) and brings all of it into `workspace` in one transaction. Unknown
/// fields are kept, and as `source_<name>` those that our records cannot tell exactly; what the
/// global file tells of no single task is kept with each, as `source_workspace`. Nothing is written
/// to the source. Records that are already there (same id) are skipped, so a second import
/// changes nothing. Errors: kNotFound (no such folder), kInvalid (nothing there), kDamaged (nothing
/// but damaged files), kIo.
base::Result<ImportReport> import_workspace(const Workspace& workspace,
                                            const std::filesystem::path& source);

}  // namespace orc
