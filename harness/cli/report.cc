#include <memory>
#include <type_traits>

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

template <class Result>
int print(const base::Result<Result>& result, const std::string& format) {
  if (!result) return usage_error("report", result.error().message);
  if (format == "json") {
    say("{}", report::to_json(*result));
  } else if (format == "markdown") {
    say("{}", report::to_markdown(*result));
  } else if (format == "junit") {
    if constexpr (std::is_same_v<Result, report::Crashes>) {
      return usage_error("report", "--format junit: crash points have text, json and markdown");
    } else {
      say("{}", report::to_junit({*result}));
    }
  } else {
    say("{}", report::to_terminal(*result, colours_wanted()));
  }
  return exit_code(result->verdict);
}

int print_again(const ReportOptions& options) {
  const std::filesystem::path exploration = options.folder / "exploration.json";
  if (std::filesystem::exists(exploration)) {
    return print(read_result<report::Exploration>(exploration), options.format);
  }
  const std::filesystem::path crashes = options.folder / "crashes.json";
  if (std::filesystem::exists(crashes)) {
    return print(read_result<report::Crashes>(crashes), options.format);
  }
  return print(read_report(options.folder), options.format);
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("report", "Print a stored report again");
  const auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("folder", options->folder,
                   "A results folder, of stress explore and stress crashes too")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--format", options->format, "text, json, markdown or junit")
      ->check(CLI::IsMember({"text", "json", "markdown", "junit"}))
      ->capture_default_str();
  command->footer("Example:\n  stress report stress-results/latest --format markdown");
  command->callback([options, &action] { action = [options] { return print_again(*options); }; });
}

}  // namespace stress
