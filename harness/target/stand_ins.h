#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/target/target_file.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Harmless programs under the names of agents. Each is a link to spawnstorm-agent, which tells its
/// birth and its death to the log and does nothing in between.
/// Names of agents that cost money are always among them: no target may ever start a real one.
const std::vector<std::string>& paid_agents();

/// Makes the folder with links for `names` and for all paid agents, and one to the log, for those
/// who have lost their environment. Errors: kIo; kNotFound (no spawnstorm-agent beside this
/// program).
base::Status put_stand_ins(const std::filesystem::path& folder,
                           const std::vector<std::string>& names,
                           const std::filesystem::path& agent_log);

/// A login shell (tmux starts one in each pane) reads the system's profile, which may set PATH
/// anew, and then the one in HOME: that one puts the PATH of this environment back, so that no real
/// agent is found before its stand-in. Nothing is done where the environment has no HOME. Errors:
/// kIo.
base::Status keep_path_in_login_shells(std::vector<std::string>& environment);

/// The variables by which a stand-in knows its log and where its own id stands.
std::vector<std::string> stand_in_variables(const std::filesystem::path& agent_log,
                                            const AgentIdSource& id);

/// The folder of the running program; empty where that cannot be told.
std::filesystem::path own_folder();

}  // namespace stress
