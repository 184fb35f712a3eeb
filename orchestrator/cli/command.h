#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "orchestrator/core/workspace.h"

namespace orc::cli {

/// Exit codes, stable: scripts and the stress harness depend on them.
enum Exit : int {
  kOk = 0,
  kFailed = 1,       ///< findings, or an operation that failed
  kRefused = 3,      ///< a rule forbids it; nothing was changed
  kNotFound = 4,     ///< nothing was changed
  kDamaged = 5,      ///< the registry or the configuration
  kUnavailable = 6,  ///< no answer from the session host, or a timeout
  kUsage = 254,
  kInternal = 255,
};
int exit_code(base::Errc code);

/// What the command line said, and what is to be run for it.
struct Cli {
  CLI::App app{"Runs agents in sessions and keeps a crash-safe registry of them.", "orchestrator"};
  std::string workspace = ".spawnstorm";
  bool json = false;
  bool no_operations_log = false;
  std::vector<std::string> command;           ///< what stood after `--`
  std::vector<const CLI::App*> with_command;  ///< the subcommands that allow one
  std::function<int()> run;  ///< set by the chosen subcommand; returns an exit code

  [[nodiscard]] base::Result<Workspace> open() const;
  /// Prints the sentence as one line, and with --json a document with "error"; returns the exit
  /// code.
  int fail(const base::Error& error) const;
};

/// A new subcommand whose chosen run is `run(cli, options)`. The options live as long as the app.
template <class Options>
CLI::App* add_command(Cli& cli, CLI::App& parent, const std::string& name,
                      const std::string& description, Options& options,
                      int (*run)(const Cli&, const Options&)) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->callback([&cli, &options, run] { cli.run = [&] { return run(cli, options); }; });
  return command;
}

/// An option with one value or more, each taken as it is: CLI11 would split "[a,b]" into two.
CLI::Option* add_list_option(CLI::App& command, const std::string& name,
                             std::vector<std::string>& values, const std::string& description);

/// One JSON document and a line feed on standard output. Bytes that are no UTF-8 are replaced.
void print_json(const Json& json);

/// Columns that are as wide as their widest cell; the first row is the head. Each row is one line.
void print_table(const std::vector<std::vector<std::string>>& rows);

Json counts_json(const Counts& counts);
/// With spaces in the place of control characters.
std::string one_line(std::string text);
std::string first_line(const std::string& text, std::size_t bytes_max);

// One file each. They add themselves to `cli.app`.
void add_init(Cli& cli);
void add_task(Cli& cli);
void add_spawn(Cli& cli);
void add_update(Cli& cli);
void add_finding(Cli& cli);
void add_kill(Cli& cli);
void add_list(Cli& cli);
void add_tree(Cli& cli);
void add_output(Cli& cli);
void add_validate(Cli& cli);
void add_import(Cli& cli);
void add_export(Cli& cli);
void add_backup(Cli& cli);
void add_completion(Cli& cli);

/// `orchestrator gate WORKSPACE AGENT ATTEMPT -- COMMAND…`, run by sessions only. Not a CLI11
/// subcommand: each agent waits for it to start.
int run_gate_command(const std::vector<std::string>& arguments);

}  // namespace orc::cli
