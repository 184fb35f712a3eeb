#pragma once

#include <filesystem>
#include <vector>

#include "harness/campaign/agent_names.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Reads what the stand-in agents wrote: one JSON object a line, {"event":"birth"|"death","agent",
/// "pid","at","cause"}, and "session" and "parent" from those under a borrowed name. A missing file
/// means that no agent was born. A torn last line is dropped.
/// Errors: kIo, kInvalid (with the line's number).
base::Result<std::vector<AgentWord>> read_agent_words(const std::filesystem::path& file);

/// The same as lives of agents.
base::Result<std::vector<AgentLife>> read_agent_lives(const std::filesystem::path& file,
                                                      const AgentNames& names);

}  // namespace stress
