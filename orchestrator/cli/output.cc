#include "orchestrator/cli/command.h"
#include "orchestrator/core/agents.h"

namespace orc::cli {
namespace {

struct OutputOptions {
  std::string agent;
  int lines = 50;
};

int run_output(const Cli& cli, const OutputOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto text = agent_output(*workspace, options.agent, options.lines);
  if (!text) return cli.fail(text.error());
  if (cli.json) {
    print_json({{"agent_id", options.agent}, {"output", *text}});
  } else {
    fmt::print("{}{}", *text, text->empty() || text->ends_with('\n') ? "" : "\n");
  }
  return kOk;
}

}  // namespace

void add_output(Cli& cli) {
  static OutputOptions options;
  CLI::App* output =
      add_command(cli, cli.app, "output", "Show an agent's screen, or its log once it is gone",
                  options, &run_output);
  output->add_option("agent", options.agent, "The agent's id")->required();
  output->add_option("--lines", options.lines, "How many, from the end")->capture_default_str();
  output->footer("Example:\n  orchestrator output coder-20261122T204445-abcdefghijklm --lines 20");
}

}  // namespace orc::cli
