#include <algorithm>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/campaign/scenario.h"
#include "harness/campaign/scratch_folder.h"
#include "harness/campaign/storm.h"
#include "harness/cli/baseline.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/in_room.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/results.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "orchestrator/base/file_io.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct SuiteOptions {
  std::vector<std::filesystem::path> paths;
  std::filesystem::path junit;
  std::filesystem::path out = "stress-results";
  std::vector<std::filesystem::path> baselines;
  bool quick = false;
};

/// All of them are read before the first one runs: a mistake in the last must not cost an hour.
base::Result<std::vector<Scenario>> load_all(const SuiteOptions& options) {
  std::vector<Scenario> scenarios;
  for (const std::filesystem::path& path : options.paths) {
    const auto files = scenario_files(path);
    if (!files) return std::unexpected(files.error());
    for (const std::filesystem::path& file : *files) {
      base::Result<Scenario> scenario = load_scenario(file);
      if (!scenario) return std::unexpected(scenario.error());
      scenario->settings.out = options.out;
      scenarios.push_back(std::move(*scenario));
    }
  }
  return scenarios;
}

/// The flags that make this run without its scenario.
std::vector<std::string> as_command(const StormSettings& settings, const std::string& program) {
  std::vector<std::string> argv = {
      program, "run", "--seed", fmt::format("{}", settings.seed), "--name", settings.name};
  const auto defaults = describe(StormSettings{});
  for (const auto& [name, value] : describe(settings)) {
    const auto by_default = defaults.find(name);
    if (by_default != defaults.end() && by_default->second == value) continue;
    if (value == "true") {
      argv.push_back("--" + name);
    } else if (value != "false") {
      argv.push_back("--" + name);
      std::istringstream words(value);  // a list is given as several arguments
      for (std::string word; words >> word;) argv.push_back(word);
    }
  }
  return argv;
}

base::Result<std::vector<StoredReport>> load_known(const SuiteOptions& options,
                                                   const std::vector<Scenario>& scenarios) {
  std::vector<std::string> targets;
  targets.reserve(scenarios.size());
  for (const Scenario& scenario : scenarios) targets.push_back(scenario.settings.target);
  std::ranges::sort(targets);
  const auto repeated = std::ranges::unique(targets);
  targets.erase(repeated.begin(), repeated.end());
  return load_baselines(options.baselines, targets);
}

base::Result<report::Report> run_one(const Scenario& scenario, std::uint64_t seed,
                                     const std::string& program,
                                     const std::vector<StoredReport>& known,
                                     const std::atomic<bool>& interrupted) {
  StormSettings settings = scenario.settings;
  settings.seed = seed;
  settings.command = as_command(settings, program);
  TerminalProgress quiet(true);
  base::Result<StormResult> result = run_storm(settings, Injection::kAuto, quiet, interrupted);
  if (!result) return std::unexpected(result.error());
  hold_against(scenario, result->report);
  if (!known.empty()) hold_against(baseline_for(known, settings.target), *result);
  if (base::Status written = write_results(*result); !written) {
    return std::unexpected(written.error());
  }
  say("{:<8}{:<36}seed {:<8}{:>7.1f} s  {}\n", report::to_string(result->report.verdict),
      settings.name, seed, result->report.duration_s, result->results.string());
  if (result->report.verdict != report::Verdict::kPass) {
    say("{}", report::to_terminal(result->report, colours_wanted()));
  }
  std::fflush(stdout);
  return std::move(result->report);
}

/// The same by a process of its own in a room, where the scenario needs one.
base::Result<report::Report> run_one_apart(const Scenario& scenario, std::uint64_t seed,
                                           const std::string& program,
                                           const std::vector<StoredReport>& known,
                                           const std::atomic<bool>& interrupted) {
  const ScratchFolder scratch;
  const std::filesystem::path told = std::filesystem::path(scratch.path()) / "report.json";
  const std::filesystem::path failed = std::filesystem::path(scratch.path()) / "error";
  const base::Result<int> code = run_where_it_belongs(scenario.settings, interrupted, [&] {
    const auto report = run_one(scenario, seed, program, known, interrupted);
    const base::Status written = report ? base::replace_file(told, report::to_json(*report))
                                        : base::replace_file(failed, report.error().message);
    return written ? kExitPass : kExitInternal;
  });
  if (!code) return std::unexpected(code.error());
  if (const auto why = base::read_file(failed)) return base::fail(base::Errc::kInvalid, "{}", *why);
  return read_result<report::Report>(told);
}

int run_suite(const SuiteOptions& options, const std::string& program) {
  const base::Result<std::vector<Scenario>> scenarios = load_all(options);
  if (!scenarios) return usage_error("suite", scenarios.error().message);
  const auto known = load_known(options, *scenarios);
  if (!known) return usage_error("suite", known.error().message);
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  std::vector<report::Report> reports;
  int failed = 0;
  int unknown = 0;
  for (const Scenario& scenario : *scenarios) {
    for (const std::uint64_t seed : scenario.seeds) {
      if (interrupted) break;
      const bool apart = !faults_in_room(scenario.settings).empty();
      base::Result<report::Report> report =
          (apart ? run_one_apart : run_one)(scenario, seed, program, *known, interrupted);
      if (!report)
        return usage_error("suite",
                           fmt::format("{}: {}", scenario.settings.name, report.error().message));
      failed += report->verdict == report::Verdict::kFail ? 1 : 0;
      unknown += report->verdict == report::Verdict::kUnknown ? 1 : 0;
      reports.push_back(std::move(*report));
      if (options.quick) break;
    }
  }
  if (!options.junit.empty()) {
    if (base::Status written = base::replace_file(options.junit, report::to_junit(reports), 0644);
        !written) {
      return usage_error("suite", written.error().message);
    }
  }
  say("{} runs: {} passed, {} failed, {} unknown{}\n", reports.size(),
      static_cast<int>(reports.size()) - failed - unknown, failed, unknown,
      interrupted ? "; interrupted" : "");
  if (failed > 0) return kExitViolation;
  return unknown > 0 || interrupted ? kExitUnknown : kExitPass;
}

}  // namespace

void add_suite(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand("suite", "Run scenario files, one after the other");
  const auto options = std::make_shared<SuiteOptions>();
  command->add_option("path", options->paths, "Folders of scenarios, or single files")->required();
  command->add_option("--junit", options->junit, "Write all results to this file for CI");
  command->add_option("--out", options->out, "Folder for results")->capture_default_str();
  add_baseline(*command, options->baselines);
  command->add_flag("--quick", options->quick, "Only the first seed of each scenario");
  command->footer("Example:\n  stress suite scenarios/regression --junit junit.xml");
  command->callback([options, &action, program = argv[0]] {
    action = [options, program] { return run_suite(*options, program); };
  });
}

}  // namespace stress
