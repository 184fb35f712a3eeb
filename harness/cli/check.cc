#include <algorithm>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/linearizable.h"
#include "harness/cli/client_check.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/results.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "harness/history/client_history.h"
#include "harness/history/codec.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

/// What is no judge's (a scenario's expectations) cannot be judged again from a history, so it
/// stays.
void keep_foreign_results(report::Report& report, std::vector<report::InvariantResult>& judged) {
  for (report::InvariantResult& stored : report.invariants) {
    const auto again = std::ranges::find(judged, stored.id, &report::InvariantResult::id);
    if (again == judged.end()) judged.push_back(std::move(stored));
  }
  report.invariants = std::move(judged);
}

/// Beyond what the run itself was judged by. Where it does not apply nobody need hear of it, unless
/// he asked.
void add_linearizable(const CheckOptions& options, const Evidence& evidence,
                      std::vector<report::InvariantResult>& results) {
  const bool asked = !options.model.empty();
  report::InvariantResult result =
      asked ? check_linearizable(evidence, options.limits()) : check_linearizable(evidence);
  if (asked || result.verdict != report::Verdict::kNotApplicable) {
    results.push_back(std::move(result));
  }
}

/// Judges a stored history again; what else the report knew (settings, faults drawn) is kept.
int check_run(const CheckOptions& options, const std::filesystem::path& file) {
  const bool folder = std::filesystem::is_directory(options.path);
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
  if (evidence.run.engine != "audit") add_linearizable(options, evidence, report.invariants);
  report.verdict = overall(evidence, report.invariants);
  report.reason = why_unknown(evidence, report.invariants);
  say("{}", options.json ? report::to_json(report) : report::to_terminal(report, colours_wanted()));
  return exit_code(report.verdict);
}

int check_again(const CheckOptions& options) {
  const bool folder = std::filesystem::is_directory(options.path);
  const std::filesystem::path file = folder ? options.path / "history.jsonl" : options.path;
  const base::Result<HistoryKind> kind = kind_of_history(file);
  if (!kind) return usage_error("check", kind.error().message);
  if (*kind == HistoryKind::kClients) return check_client_file(options, file);
  if (options.model.empty() || options.model == "registry") return check_run(options, file);
  return usage_error("check", fmt::format("{}:1: is of a run of stress, whose model is registry; "
                                          "a history of clients has lines such as {}",
                                          file.string(), kClientLine));
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "check",
      "Judge a stored history again, or one of any other system, without running anything");
  const auto options = std::make_shared<CheckOptions>();
  command
      ->add_option("path", options->path,
                   "A results folder, a history.jsonl, or a history of clients (.jsonl, .edn)")
      ->required()
      ->check(CLI::ExistingPath);
  command
      ->add_option("--model", options->model,
                   "registry: a run's agents; register: read, write, cas; kv: get, put, append; by "
                   "default what the history is of")
      ->check(CLI::IsMember({"registry", "register", "kv"}));
  command->add_option("--initial", options->initial, "What registers begin with, as JSON (null)");
  command->add_option("--time-limit", options->seconds, "Seconds for judging; then unknown")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--memory-limit", options->memory_mib, "MiB for the search; then unknown")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", options->json, "The report as JSON on standard output");
  command->footer(
      "Examples:\n  stress check stress-results/latest\n"
      "  stress check --model kv store.edn");
  command->callback([options, &action] { action = [options] { return check_again(*options); }; });
}

}  // namespace stress
