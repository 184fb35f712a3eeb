#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

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

int usage(const Cli& cli, const std::string& message) {
  return cli.fail({base::Errc::kInvalid, 0, message + "; see `orchestrator --help`"});
}

/// The place of the next word that is neither an option nor the workspace's name. An unknown option
/// ends the search: the parser is to speak of it.
std::size_t next_word(const CLI::App& app, const std::vector<std::string>& arguments,
                      std::size_t at) {
  for (; at < arguments.size() && arguments[at].starts_with('-'); ++at) {
    const std::string name = arguments[at].substr(0, arguments[at].find('='));
    if (app.get_option_no_throw(name) == nullptr) return arguments.size();
    if (arguments[at] == "--workspace") ++at;
  }
  return std::min(at, arguments.size());
}

struct Chosen {
  const CLI::App* command;  ///< the last that the words name
  std::string unknown;      ///< not empty: the words up to the one that names none
};

/// Looked up before the parser runs: it would blame what follows a word that it does not know, and
/// what `--` means depends on the subcommand.
Chosen choose(const CLI::App& app, const std::vector<std::string>& arguments) {
  Chosen chosen{&app, {}};
  std::string path;
  std::size_t at = next_word(app, arguments, 0);
  while (at < arguments.size()) {
    const auto commands = chosen.command->get_subcommands({});
    if (commands.empty()) break;
    path += (path.empty() ? "" : " ") + arguments[at];
    const auto named = std::ranges::find_if(
        commands, [&](const CLI::App* command) { return command->get_name() == arguments[at]; });
    if (named == commands.end()) return {chosen.command, path};
    chosen.command = *named;
    at = next_word(app, arguments, at + 1);
  }
  return chosen;
}

/// `help task create` is `task create --help`.
void rewrite_help(const CLI::App& app, std::vector<std::string>& arguments) {
  const std::size_t word = next_word(app, arguments, 0);
  if (word == arguments.size() || arguments[word] != "help") return;
  arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(word));
  arguments.emplace_back("--help");
}

bool has_positionals(const CLI::App& command) {
  return std::ranges::any_of(command.get_options(),
                             [](const CLI::Option* option) { return option->get_positional(); });
}

/// What follows the first `--` is a command of its own and none of the parser's business, or, where
/// the subcommand takes none, words for its positionals that may begin with a dash.
int parse_and_run(Cli& cli, std::vector<std::string> arguments) {
  const auto dashes = std::ranges::find(arguments, "--");
  std::vector<std::string> after;
  if (dashes != arguments.end()) after.assign(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  cli.json = std::ranges::find(arguments, "--json") != arguments.end();
  rewrite_help(cli.app, arguments);
  const Chosen chosen = choose(cli.app, arguments);
  if (!chosen.unknown.empty()) return usage(cli, "no such command: " + chosen.unknown);
  if (std::ranges::find(cli.with_command, chosen.command) != cli.with_command.end()) {
    cli.command = std::move(after);
  } else if (!after.empty()) {
    if (!has_positionals(*chosen.command)) {
      return usage(cli, "a command after `--` goes with spawn and init only");
    }
    arguments.emplace_back("--");
    arguments.insert(arguments.end(), after.begin(), after.end());
  }
  try {
    std::ranges::reverse(arguments);  // CLI11 takes them from the back
    cli.app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return cli.app.exit(e);  // help and version
    return usage(cli, e.what());
  }
  return cli.run();
}

int fail_output() {
  fmt::print(stderr, "orchestrator: cannot write to standard output\n");
  return orc::cli::kFailed;
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
    const bool flushed = std::fflush(stdout) == 0;
    if (flushed && std::ferror(stdout) == 0) return code;
    const int failed = fail_output();
    return code == 0 ? failed : code;
  } catch (const std::exception& e) {
    // fmt throws where the output takes no more; nothing else spoils the stream.
    if (std::ferror(stdout) != 0) return fail_output();
    fmt::print(stderr, "orchestrator: internal error: {}\n", orc::cli::one_line(e.what()));
    return orc::cli::kInternal;
  }
}
