#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/core/workspace.h"

namespace orc {

struct AgentUpdate {
  std::optional<AgentStatus> status;  ///< running, working, blocked, completed or error
  std::optional<int> progress;        ///< 0 to 100
  std::optional<std::string> message;
};

/// What an agent reports of itself, and what its user does to it. Thread-safe.
/// Refused (kRefused, no effect): a change of a terminal agent, and a status that only the
/// orchestrator sets. Unknown agents: kNotFound.

/// Returns the record's new version.
base::Result<std::uint64_t> update_agent(const Workspace& workspace, const std::string& agent_id,
                                         const AgentUpdate& update);
base::Status add_finding(const Workspace& workspace, const std::string& agent_id, Finding finding);

/// stopping -> end the session, wait for its process -> terminated. A second kill of a terminated
/// agent is refused; one that finds `stopping` with a dead owner completes it.
base::Status kill_agent(const Workspace& workspace, const std::string& agent_id,
                        const std::string& reason);

/// The screen, or the log where the session is gone or has no screen. `lines` from the end.
base::Result<std::string> agent_output(const Workspace& workspace, const std::string& agent_id,
                                       int lines);

}  // namespace orc
