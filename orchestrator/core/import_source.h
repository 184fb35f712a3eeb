#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/core/import.h"

namespace orc {

/// An agent as the source's files tell of it, not yet a record of ours.
struct SourceAgent {
  std::string id;
  std::string task_id;
  /// Of the task's file, and in `source_global` what only the global one knows; all of the global
  /// one where the task's file does not know the agent.
  Json fields;
};

struct SourceTask {
  std::string id;  ///< unique
  Json fields;     ///< without its agents
};

struct Source {
  std::vector<SourceTask> tasks;
  std::vector<SourceAgent> agents;
};

/// Reads the folder, and says in `report` what is damaged and what disagrees between its files.
/// Opens files for reading only. Errors: as import_workspace().
base::Result<Source> read_source(const std::filesystem::path& folder, ImportReport& report);

bool is_ended_task(const std::string& status);

}  // namespace orc
