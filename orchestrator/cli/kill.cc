#include "orchestrator/cli/command.h"
#include "orchestrator/core/agents.h"

namespace orc::cli {
namespace {

struct KillOptions {
  std::string agent;
  std::string reason;
};

int run_kill(const Cli& cli, const KillOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  if (auto ok = kill_agent(*workspace, options.agent, options.reason); !ok) {
    return cli.fail(ok.error());
  }
  if (cli.json) print_json({{"agent_id", options.agent}, {"status", "terminated"}});
  return kOk;
}

}  // namespace

void add_kill(Cli& cli) {
  static KillOptions options;
  CLI::App* kill =
      add_command(cli, cli.app, "kill", "End an agent and its session", options, &run_kill);
  kill->add_option("agent", options.agent, "The agent's id")->required();
  kill->add_option("--reason", options.reason, "Kept in its record");
  kill->footer("Example:\n  orchestrator kill coder-20261122T204445-abcdefghijklm --reason stuck");
}

}  // namespace orc::cli
