#include <cstdio>

#include "orchestrator/cli/command.h"
#include "orchestrator/core/spawner.h"

namespace orc::cli {

int run_gate_command(const std::vector<std::string>& arguments) {
  if (arguments.size() < 5 || arguments[3] != "--") {
    fmt::print(stderr, "orchestrator: usage: gate WORKSPACE AGENT ATTEMPT -- COMMAND...\n");
    return kUsage;
  }
  const auto workspace = Workspace::open(arguments[0]);
  if (!workspace) {
    fmt::print(stderr, "orchestrator: {}\n", workspace.error().message);
    return kGateClosed;
  }
  return run_gate(*workspace, arguments[1], arguments[2], {arguments.begin() + 4, arguments.end()});
}

}  // namespace orc::cli
