#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include <fmt/format.h>

#include "orchestrator/core/spawner.h"

namespace orc {
namespace {

/// What the agent finds in its environment.
void export_identity(const Workspace& workspace, const Agent& agent) {
  const auto set = [](const char* name, const std::string& value) {
    ::setenv(name, value.c_str(), 1);
  };
  set("SPAWNSTORM_AGENT_ID", agent.id);
  set("SPAWNSTORM_TASK_ID", agent.task_id);
  set("SPAWNSTORM_AGENT_TYPE", agent.type);
  set("SPAWNSTORM_PROMPT_FILE", workspace.prompt_file(agent.id).string());
  set("SPAWNSTORM_WORKSPACE", workspace.root().string());
}

/// Under the lock. A crowd at it is no reason to give up an agent whose spawn may be acknowledged
/// by now: then without. Whoever closes the gate looks for its session after that, and finds it:
/// this process has been in it since before it read.
base::Status look(const Workspace& workspace,
                  const std::function<base::Status(const RegistryState&)>& body) {
  base::Status looked = workspace.store().inspect(body);
  if (looked || looked.error().code != base::Errc::kTimeout) return looked;
  const auto state = workspace.store().read();
  if (!state) return std::unexpected(state.error());
  return body(**state);
}

int execute(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv.front(), argv.data());
  const int error = errno;
  fmt::print(stderr, "orchestrator: cannot run {}: {}\n", command.front(), std::strerror(error));
  return error == ENOENT ? 127 : 126;
}

}  // namespace

int run_gate(const Workspace& workspace, const std::string& agent_id, const std::string& attempt,
             const std::vector<std::string>& command) {
  Agent agent;
  const auto looked = look(workspace, [&](const RegistryState& state) -> base::Status {
    auto record = state.agent(agent_id);
    if (!record) return std::unexpected(record.error());
    agent = *std::move(record);
    return {};
  });
  // Working and blocked too: whoever knows the id may report for an agent that is about to start.
  const bool open = looked && !attempt.empty() && agent.attempt == attempt &&
                    (agent.status == AgentStatus::kStarting || claims_session(agent.status));
  if (!open || command.empty()) {
    fmt::print(stderr, "orchestrator: agent {} was given up before it started{}{}\n", agent_id,
               looked ? "" : ": ", looked ? "" : looked.error().message);
    return kGateClosed;
  }
  export_identity(workspace, agent);
  return execute(command);
}

}  // namespace orc
