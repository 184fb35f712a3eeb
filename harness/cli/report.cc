#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/results.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct ReportOptions {
  std::filesystem::path folder;
  std::string format = "text";
};

int print_again(const ReportOptions& options) {
  const base::Result<report::Report> report = read_report(options.folder);
  if (!report) {
    say(stderr, "stress report: {}\n", report.error().message);
    return kExitUsage;
  }
  if (options.format == "json") {
    say("{}", report::to_json(*report));
  } else if (options.format == "markdown") {
    say("{}", report::to_markdown(*report));
  } else if (options.format == "junit") {
    say("{}", report::to_junit({*report}));
  } else {
    say("{}", report::to_terminal(*report, colours_wanted()));
  }
  return exit_code(report->verdict);
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("report", "Print a stored report again");
  const auto options = std::make_shared<ReportOptions>();
  command->add_option("folder", options->folder, "A results folder")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--format", options->format, "text, json, markdown or junit")
      ->check(CLI::IsMember({"text", "json", "markdown", "junit"}))
      ->capture_default_str();
  command->footer("Example:\n  stress report stress-results/latest --format markdown");
  command->callback([options, &action] { action = [options] { return print_again(*options); }; });
}

}  // namespace stress
