#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/agent_names.h"
#include "harness/supervise/group.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Whether a living process is a stand-in agent, under whatever name; a gate is none yet.
bool is_stand_in(pid_t pid);

/// Those of `pids` that are stand-in agents or have one among their descendants (a shell in whose
/// pane the agent was started).
std::set<std::int64_t> houses_of_agents(const std::set<std::int64_t>& pids);

/// Living processes of stand-in agents that wrote to this log, by agent. Another workspace's agents
/// write to another. Errors: those of read_agent_words.
base::Result<std::map<std::string, std::vector<std::int64_t>>> living_agents(
    const Group& group, const std::filesystem::path& agent_log, const AgentNames& names);

}  // namespace stress
