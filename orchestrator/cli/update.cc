#include "orchestrator/cli/command.h"
#include "orchestrator/core/agents.h"

namespace orc::cli {
namespace {

struct UpdateOptions {
  std::string agent;
  std::optional<std::string> status;
  AgentUpdate update;
};

int run_update(const Cli& cli, const UpdateOptions& options) {
  AgentUpdate update = options.update;
  if (options.status) {
    const auto status = parse_agent_status(*options.status);
    if (!status) return cli.fail(status.error());
    update.status = *status;
  }
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto version = update_agent(*workspace, options.agent, update);
  if (!version) return cli.fail(version.error());
  if (cli.json) print_json({{"agent_id", options.agent}, {"version", *version}});
  return kOk;
}

}  // namespace

void add_update(Cli& cli) {
  static UpdateOptions options;
  CLI::App* update =
      add_command(cli, cli.app, "update", "Report an agent's progress", options, &run_update);
  update->add_option("agent", options.agent, "The agent's id")->required();
  update->add_option("--status", options.status, "running, working, blocked, completed or error");
  update->add_option("--progress", options.update.progress, "Per cent");
  update->add_option("--message", options.update.message, "One sentence");
  update->footer(
      "Example:\n  orchestrator update \"$SPAWNSTORM_AGENT_ID\" --status working --progress 40");
}

}  // namespace orc::cli
