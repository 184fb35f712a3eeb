#include <algorithm>
#include <cstdio>
#include <exception>
#include <string_view>

#include "orchestrator/cli/command.h"

namespace {

using orc::cli::Cli;

constexpr const char* kFooter = R"(Exit codes:
  0    done; validate: nothing found; repair: nothing left to repair
  1    findings, or the operation failed
  3    refused by a rule (limit, duplicate, state); nothing was changed
  4    no such workspace, task, agent or backup; nothing was changed
  5    the registry or the configuration is damaged
  6    the session host did not answer, or a wait timed out
  254  wrong usage
  255  internal error

Examples:
  orchestrator init
  orchestrator task create --id build "Build the parser"
  orchestrator spawn --task build --type coder -- my-agent {prompt_file}
  orchestrator list --active
  orchestrator validate && echo sound
)";

void add_everything(Cli& cli) {
  CLI::App& app = cli.app;
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  app.set_version_flag("--version", "orchestrator " SPAWNSTORM_VERSION);
  app.add_option("--workspace", cli.workspace, "The workspace's folder")
      ->envname("SPAWNSTORM_WORKSPACE")
      ->capture_default_str();
  app.add_flag("--json", cli.json, "One JSON document on standard output");
  app.add_flag("--no-operations-log", cli.no_operations_log,
               "Keep this call out of the operations log (init: keep none)");
  orc::cli::add_init(cli);
  orc::cli::add_task(cli);
  orc::cli::add_spawn(cli);
  orc::cli::add_update(cli);
  orc::cli::add_finding(cli);
  orc::cli::add_kill(cli);
  orc::cli::add_list(cli);
  orc::cli::add_tree(cli);
  orc::cli::add_output(cli);
  orc::cli::add_validate(cli);
  orc::cli::add_import(cli);
  orc::cli::add_export(cli);
  orc::cli::add_backup(cli);
  orc::cli::add_completion(cli);
}

int usage(const Cli& cli, std::string message) {
  std::ranges::replace(message, '\n', ' ');
  return cli.fail({base::Errc::kInvalid, 0, message + "; see `orchestrator --help`"});
}

/// What follows the first `--` is a command of its own and none of the parser's business.
int parse_and_run(Cli& cli, std::vector<std::string> arguments) {
  const auto dashes = std::ranges::find(arguments, "--");
  if (dashes != arguments.end()) cli.command.assign(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  cli.json = std::ranges::find(arguments, "--json") != arguments.end();
  try {
    std::ranges::reverse(arguments);  // CLI11 takes them from the back
    cli.app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return cli.app.exit(e);  // help and version
    return usage(cli, e.what());
  }
  if (!cli.command.empty() && !cli.takes_command) {
    return usage(cli, "a command after `--` goes with spawn and init only");
  }
  return cli.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    if (!arguments.empty() && arguments.front() == "gate") {
      arguments.erase(arguments.begin());
      return orc::cli::run_gate_command(arguments);
    }
    Cli cli;
    add_everything(cli);
    const int code = parse_and_run(cli, std::move(arguments));
    if (std::fflush(stdout) == 0) return code;
    fmt::print(stderr, "orchestrator: cannot write to standard output\n");
    return code == 0 ? orc::cli::kFailed : code;
  } catch (const std::exception& e) {
    fmt::print(stderr, "orchestrator: internal error: {}\n", e.what());
    return orc::cli::kInternal;
  }
}
