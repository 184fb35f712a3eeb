#include "orchestrator/core/import.h"

#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct ImportOptions {
  std::string path;
};

void print_lines(const char* title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  fmt::print("{}:\n", title);
  for (const std::string& line : lines) fmt::print("  {}\n", one_line(line));
}

int run_import(const Cli& cli, const ImportOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto report = import_workspace(*workspace, options.path);
  if (!report) return cli.fail(report.error());
  if (cli.json) {
    print_json({{"tasks", report->tasks},
                {"agents", report->agents},
                {"disagreements", report->disagreements},
                {"skipped", report->skipped},
                {"renamed", report->renamed}});
    return kOk;
  }
  fmt::print("{} tasks and {} agents imported\n", report->tasks, report->agents);
  print_lines("The source disagrees with itself", report->disagreements);
  print_lines("Skipped", report->skipped);
  print_lines("Renamed", report->renamed);
  return kOk;
}

}  // namespace

void add_import(Cli& cli) {
  static ImportOptions options;
  CLI::App* import_command =
      add_command(cli, cli.app, "import", "Bring an .agent-workspace folder in; it is not changed",
                  options, &run_import);
  import_command->add_option("path", options.path, "The folder, or the one that holds it")
      ->required();
  import_command->footer(
      "Example:\n  orchestrator import ../project/.agent-workspace && orchestrator validate");
}

}  // namespace orc::cli
