#include <map>
#include <memory>
#include <random>
#include <type_traits>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/campaign/settings_fields.h"
#include "harness/campaign/storm.h"
#include "harness/cli/baseline.h"
#include "harness/cli/bounds.h"
#include "harness/cli/commands.h"
#include "harness/cli/conclude.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/in_room.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/results.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct RunOptions {
  StormSettings settings;
  std::string injection = "auto";
  std::vector<std::filesystem::path> baselines;
  bool json = false;
  bool seeded = false;
  std::map<std::string, CLI::Option*> flags;  ///< of the settings, by name
};

/// The same call with the seed that was drawn for it.
std::vector<std::string> reproducing(std::vector<std::string> argv, const RunOptions& options) {
  if (!options.seeded) {
    argv.push_back("--seed");
    argv.push_back(fmt::format("{}", options.settings.seed));
  }
  return argv;
}

int run_one_storm(RunOptions& options, const std::vector<std::string>& argv) {
  StormSettings& settings = options.settings;
  if (!options.seeded) settings.seed = std::random_device()();
  settings.command = reproducing(argv, options);
  if (const std::string problem = problem_with(settings); !problem.empty())
    return usage_error("run", problem);
  const auto known = load_baselines(options.baselines, {settings.target});
  if (!known) return usage_error("run", known.error().message);
  const Injection injection = options.injection == "supervisor" ? Injection::kSupervisor
                              : options.injection == "signals"  ? Injection::kSignals
                                                                : Injection::kAuto;
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  const base::Result<int> code = run_where_it_belongs(settings, interrupted, [&] {
    base::Result<StormResult> result = [&] {
      TerminalProgress progress(options.json);
      return run_storm(settings, injection, progress, interrupted);
    }();
    if (!result) return usage_error("run", result.error().message);
    if (!known->empty()) hold_against(baseline_for(*known, settings.target), *result);
    return conclude("run", write_results(*result), result->report, result->results, options.json);
  });
  return code ? *code : usage_error("run", code.error().message);
}

}  // namespace

void add_run(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand(
      "run", "Storm: concurrent spawners under injected faults, then every invariant is checked");
  const auto options = std::make_shared<RunOptions>();
  StormSettings& settings = options->settings;
  for_each_field(settings, [&](const char* name, auto& field, const char* description) {
    const std::string flag = flag_of(name);
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, bool>) {
      options->flags[name] = command->add_flag(flag, field, description);
    } else {
      CLI::Option* option = command->add_option(flag, field, description)->capture_default_str();
      options->flags[name] = option;
      // An unsigned field would take "-1" for the largest number there is.
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(field)>>) {
        option->check(not_negative());
      }
    }
  });
  CLI::Option* seed =
      command->add_option("--seed", settings.seed, "Draws all faults (default: drawn)")
          ->check(not_negative());
  command
      ->add_option("--injection", options->injection,
                   "auto, supervisor (or fail), signals (SIGKILL at random moments)")
      ->check(CLI::IsMember({"auto", "supervisor", "signals"}))
      ->capture_default_str();
  command->add_option("--out", settings.out, "Folder for results")->capture_default_str();
  command->add_option("--name", settings.name, "Name of the run")->capture_default_str();
  add_baseline(*command, options->baselines);
  command->add_flag("--json", options->json, "The report as JSON on standard output");
  command->footer(
      "Examples:\n"
      "  stress --agents 10 --crash-rate 0.1\n"
      "  stress run --agents 100 --crash-rate 0.1 --kill-session-rate 0.05 --seed 7\n"
      "  stress run --agents 300 --sessions process --json | jq .verdict\n"
      "  stress run --fault 'write@*registry.json*:errno=ENOSPC:when=5..8'\n"
      "  stress run --target my-orchestrator.json --agents 4");
  command->callback([options, seed, &action, argv] {
    options->seeded = seed->count() > 0;
    for (const auto& [name, option] : options->flags) {
      if (option->count() > 0) options->settings.given.insert(name);
    }
    action = [options, argv] { return run_one_storm(*options, argv); };
  });
}

}  // namespace stress
