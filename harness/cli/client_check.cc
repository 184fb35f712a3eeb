#include "harness/cli/client_check.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/check/clients.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "harness/history/client_history.h"
#include "orchestrator/base/clock.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string model_of(const ClientHistory& history) {
  const bool store =
      !history.operations.empty() && history.operations.front().function >= ClientFunction::kGet;
  return store ? "kv" : "register";
}

}  // namespace

int check_client_file(const CheckOptions& options, const std::filesystem::path& file) {
  report::Report report;
  report.started_at = base::to_iso8601(base::wall_now());
  auto begin = std::chrono::steady_clock::now();
  base::Result<ClientHistory> history = load_client_history(file);
  if (!history) return usage_error("check", history.error().message);
  report.settings["read_s"] = fmt::format("{:.2f}", seconds_since(begin));
  report.target = model_of(*history);
  if (!options.model.empty() && options.model != report.target) {
    return usage_error(
        "check", fmt::format("--model {}: {} is a history of clients of a {}", options.model,
                             file.string(), report.target == "kv" ? "store (kv)" : "register"));
  }
  const auto initial = nlohmann::ordered_json::parse(
      options.initial.empty() ? "null" : options.initial, nullptr, false);
  if (initial.is_discarded()) {
    return usage_error(
        "check", fmt::format("--initial {}: is not JSON, such as 0 or \"a\"", options.initial));
  }
  begin = std::chrono::steady_clock::now();
  report.invariants.push_back(
      check_clients(*history, history->values.intern(initial), options.limits()));
  report.duration_s = seconds_since(begin);
  report.name = file.string();
  report.engine = "clients";
  report.reproducible = "exact";
  report.version = SPAWNSTORM_VERSION;
  report.totals.operations = history->operations.size();
  report.notes = history->notes;
  if (history->passed_over > 0) {
    report.notes.push_back(
        fmt::format("{} events of others than clients were passed over", history->passed_over));
  }
  report.verdict = report.invariants.front().verdict;
  if (report.verdict == report::Verdict::kUnknown) {
    report.reason = report.invariants.front().evidence;
  }
  say("{}", options.json ? report::to_json(report) : report::to_terminal(report, colours_wanted()));
  return exit_code(report.verdict);
}

}  // namespace stress
