#include "orchestrator/cli/command.h"
#include "orchestrator/core/agents.h"

namespace orc::cli {
namespace {

struct FindingOptions {
  std::string agent;
  Finding finding{{}, "insight", "medium", ""};
};

int run_finding(const Cli& cli, const FindingOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  if (auto ok = add_finding(*workspace, options.agent, options.finding); !ok) {
    return cli.fail(ok.error());
  }
  if (cli.json) print_json({{"agent_id", options.agent}});
  return kOk;
}

}  // namespace

void add_finding(Cli& cli) {
  static FindingOptions options;
  CLI::App* finding =
      add_command(cli, cli.app, "finding", "Record what an agent found out", options, &run_finding);
  finding->add_option("agent", options.agent, "The agent's id")->required();
  finding
      ->add_option("message", options.finding.message,
                   "What it found; after `--` where it begins with a dash")
      ->required();
  finding->add_option("--kind", options.finding.kind, "issue, solution, insight, ...")
      ->capture_default_str();
  finding->add_option("--severity", options.finding.severity, "low, medium, high or critical")
      ->check(CLI::IsMember({"low", "medium", "high", "critical"}))
      ->capture_default_str();
  finding->footer(
      "Example:\n  orchestrator finding \"$SPAWNSTORM_AGENT_ID\" --kind issue --severity high "
      "\"The build is broken\"");
}

}  // namespace orc::cli
