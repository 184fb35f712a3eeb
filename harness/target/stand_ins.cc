#include "harness/target/stand_ins.h"

#include <unistd.h>

#include <system_error>

#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

base::Status link(const fs::path& to, const fs::path& at) {
  std::error_code error;
  fs::create_symlink(to, at, error);
  if (error && error != std::errc::file_exists) return base::fail_errno(error.value(), "link", at);
  return {};
}

}  // namespace

const std::vector<std::string>& paid_agents() {
  static const std::vector<std::string> names = {"claude",  "codex", "gemini", "opencode",
                                                 "aider",   "amp",   "goose",  "cursor-agent",
                                                 "copilot", "qwen"};
  return names;
}

fs::path own_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

base::Status put_stand_ins(const fs::path& folder, const std::vector<std::string>& names,
                           const fs::path& agent_log) {
  const fs::path agent = own_folder() / "spawnstorm-agent";
  if (::access(agent.c_str(), X_OK) != 0) {
    return base::fail(base::Errc::kNotFound,
                      "{}: no such program; stand-ins for agents are made of it", agent.string());
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return base::fail_errno(error.value(), "create", folder);
  for (const std::vector<std::string>* list : {&paid_agents(), &names}) {
    for (const std::string& name : *list) {
      if (base::Status linked = link(agent, folder / name); !linked) return linked;
    }
  }
  return link(agent_log, folder / ".agent-log");
}

base::Status keep_path_in_login_shells(std::vector<std::string>& environment) {
  std::string home;
  std::string path;
  for (const std::string& entry : environment) {
    if (entry.starts_with("HOME=")) home = entry.substr(5);
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  }
  if (home.empty()) return {};
  std::error_code error;
  fs::create_directories(home, error);
  if (error) return base::fail_errno(error.value(), "create", home);
  environment.push_back("SPAWNSTORM_PATH=" + path);
  return base::replace_file(fs::path(home) / ".profile", "PATH=$SPAWNSTORM_PATH\nexport PATH\n");
}

std::vector<std::string> stand_in_variables(const fs::path& agent_log, const AgentIdSource& id) {
  std::vector<std::string> variables = {"SPAWNSTORM_AGENT_LOG=" + agent_log.string()};
  if (!id.variable.empty()) variables.push_back("SPAWNSTORM_AGENT_ID_VARIABLE=" + id.variable);
  if (!id.after.empty()) variables.push_back("SPAWNSTORM_AGENT_ID_AFTER=" + id.after);
  return variables;
}

}  // namespace stress
