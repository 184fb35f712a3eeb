#include "tests/e2e/command_target.h"

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/base/subprocess.h"

namespace flawed {

using stress::OpOutcome;
using stress::Reply;

Reply ByCommand::run(const std::vector<std::string>& words) const {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  base::Command command;
  command.argv = {(self.parent_path() / "orchestrator").string(), "--workspace",
                  place().workspace.string(), "--json"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.env = place().env;
  command.timeout = reply_deadline();
  const auto outcome = base::run(command);
  if (!outcome) return {.error = outcome.error().message};
  // Refused by a rule, not found: nothing was changed.
  const bool refused = outcome->exit_code == 3 || outcome->exit_code == 4;
  if (!outcome->ok()) {
    return {.outcome = refused ? OpOutcome::kRefused : OpOutcome::kInfo,
            .error = fmt::format("exit {}, signal {}: {}", outcome->exit_code, outcome->signal,
                                 outcome->err)};
  }
  const auto json = nlohmann::json::parse(outcome->out, nullptr, false);
  if (!json.is_object()) return {.error = "it printed no JSON: " + outcome->out};
  return {.outcome = OpOutcome::kOk, .agent = json.value("agent_id", "")};
}

Reply ByCommand::spawn(const stress::SpawnArguments& arguments) {
  std::vector<std::string> words = {"spawn",        "--task",   arguments.task, "--type",
                                    arguments.type, "--prompt", "Do no harm."};
  if (!arguments.parent.empty()) words.insert(words.end(), {"--parent", arguments.parent});
  if (arguments.unique_type) words.emplace_back("--unique-type");
  return run(words);
}

Reply ByCommand::kill(const std::string& agent) { return run({"kill", agent}); }

Reply ByCommand::update(const std::string& agent,
                        const std::map<std::string, std::string>& writes) {
  std::vector<std::string> words = {"update", agent};
  for (const auto& [field, value] : writes) words.insert(words.end(), {"--" + field, value});
  return run(words);
}

}  // namespace flawed
