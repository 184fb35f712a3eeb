#include <algorithm>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/results.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "harness/history/codec.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct CheckOptions {
  std::filesystem::path path;
  bool json = false;
};

/// What is no judge's (a scenario's expectations) cannot be judged again from a history, so it
/// stays.
void keep_foreign_results(report::Report& report, std::vector<report::InvariantResult>& judged) {
  for (report::InvariantResult& stored : report.invariants) {
    const auto again = std::ranges::find(judged, stored.id, &report::InvariantResult::id);
    if (again == judged.end()) judged.push_back(std::move(stored));
  }
  report.invariants = std::move(judged);
}

/// Judges a stored history again; what else the report knew (settings, faults drawn) is kept.
int check_again(const CheckOptions& options) {
  const bool folder = std::filesystem::is_directory(options.path);
  const std::filesystem::path file = folder ? options.path / "history.jsonl" : options.path;
  base::Result<LoadedHistory> history = load_history(file);
  if (!history) {
    say(stderr, "stress check: {}\n", history.error().message);
    return kExitUsage;
  }
  report::Report report;
  if (folder) {
    if (base::Result<report::Report> stored = read_report(options.path))
      report = std::move(*stored);
  }
  const Evidence& evidence = history->evidence;
  report.seed = evidence.run.seed;
  report.engine = evidence.run.engine;
  report.target = evidence.run.target.name;
  std::vector<report::InvariantResult> judged =
      evidence.run.engine == "audit" ? check_audit(evidence) : check_all(evidence);
  keep_foreign_results(report, judged);
  report.verdict = overall(evidence, report.invariants);
  report.reason = why_unknown(evidence, report.invariants);
  say("{}", options.json ? report::to_json(report) : report::to_terminal(report, colours_wanted()));
  return exit_code(report.verdict);
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("check", "Judge a stored history again, without running anything");
  const auto options = std::make_shared<CheckOptions>();
  command->add_option("path", options->path, "A results folder, or a history.jsonl")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_flag("--json", options->json, "The report as JSON on standard output");
  command->footer("Example:\n  stress check stress-results/latest");
  command->callback([options, &action] { action = [options] { return check_again(*options); }; });
}

}  // namespace stress
