#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/guarded.h"
#include "harness/cli/main.h"
#include "harness/cli/say.h"
#include "harness/explore/explorer.h"
#include "harness/supervise/descriptor_limit.h"
#include "harness/supervise/guardian.h"
#include "harness/workload/worker.h"

namespace stress {
namespace {

constexpr std::string_view kExitCodes =
    "Exit codes: 0 pass, 1 violation, 2 unknown, 254 usage (bad flags, scenario, target or "
    "set-up), "
    "255 internal.\n";

int parse_and_run(const std::vector<std::string>& argv) {
  CLI::App app("Stress tests and fault injection for agent orchestrators", "stress");
  app.set_version_flag("--version", SPAWNSTORM_VERSION);
  app.require_subcommand(1);
  app.footer(std::string("`stress --agents 10` is short for `stress run --agents 10`.\n") +
             std::string(kExitCodes));
  Action action;
  add_run(app, action, argv);
  add_crashes(app, action, argv);
  add_explore(app, action, argv);
  add_replay(app, action);
  add_audit(app, action, argv);
  add_suite(app, action, argv);
  add_score(app, action, argv);
  add_check(app, action);
  add_history(app, action);
  add_report(app, action);
  add_target(app, action);

  // Flags alone mean the main job.
  std::vector<std::string> arguments(argv.begin() + 1, argv.end());
  const bool names_itself =
      !arguments.empty() &&
      (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "--version");
  if (arguments.empty() || (arguments[0].starts_with('-') && !names_itself)) {
    arguments.insert(arguments.begin(), "run");
  }
  const auto is_named = [&](const CLI::App* command) {
    return command->get_name() == arguments[0];
  };
  if (!arguments[0].starts_with('-') &&
      std::ranges::none_of(app.get_subcommands(nullptr), is_named)) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands(nullptr)) {
      names.push_back(command->get_name());
    }
    say(stderr, "stress: no such command: '{}'; there are {}\n", arguments[0],
        fmt::join(names, ", "));
    return kExitUsage;
  }
  std::ranges::reverse(arguments);  // CLI11 takes them from the back
  try {
    app.parse(arguments);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    say(stderr, "stress: {}\nRun `stress --help` for what would be right.\n", error.what());
    return kExitUsage;
  }
  return action();
}

}  // namespace

int stress_main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  // Hidden: what the harness runs of itself.
  if (argc == 3 && arguments[1] == "worker") return worker_main(arguments[2]);
  if (argc == 3 && arguments[1] == "explorer") return explorer_main(arguments[2]);
  if (argc >= 2 && arguments[1] == "guardian") {
    return guardian_main({arguments.begin() + 2, arguments.end()});
  }
  raise_descriptor_limit();
  return guarded([&] { return parse_and_run(arguments); });
}

}  // namespace stress
