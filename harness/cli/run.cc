#include <memory>
#include <random>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/campaign/storm.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/results.h"
#include "harness/cli/terminal.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct Options {
  StormSettings settings;
  double duration_s = 0;
  double time_limit_s = 600;
  std::string injection = "auto";
  bool json = false;
  bool seeded = false;
};

int usage(const std::string& sentence) {
  fmt::print(stderr, "stress run: {}\n", sentence);
  return kExitUsage;
}

/// The same call with the seed that was drawn for it.
std::vector<std::string> reproducing(std::vector<std::string> argv, const Options& options) {
  if (!options.seeded) {
    argv.push_back("--seed");
    argv.push_back(fmt::format("{}", options.settings.seed));
  }
  return argv;
}

int run(Options& options, const std::vector<std::string>& argv) {
  StormSettings& settings = options.settings;
  settings.duration =
      std::chrono::milliseconds(static_cast<std::int64_t>(options.duration_s * 1e3));
  settings.time_limit =
      std::chrono::milliseconds(static_cast<std::int64_t>(options.time_limit_s * 1e3));
  if (!options.seeded) settings.seed = std::random_device()();
  settings.command = reproducing(argv, options);
  if (const std::string problem = check(settings); !problem.empty()) return usage(problem);
  const Injection injection = options.injection == "supervisor" ? Injection::kSupervisor
                              : options.injection == "signals"  ? Injection::kSignals
                                                                : Injection::kAuto;
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  base::Result<StormResult> result = [&] {
    TerminalProgress progress(options.json);
    return run_storm(settings, injection, progress, interrupted);
  }();
  if (!result) return usage(result.error().message);
  if (base::Status written = write_results(*result); !written) {
    fmt::print(stderr, "stress run: cannot write the results: {}\n", written.error().message);
    return kExitInternal;
  }
  fmt::print("{}", options.json ? report::to_json(result->report)
                                : report::to_terminal(result->report, colours_wanted()));
  if (!options.json) fmt::print("results: {}\n", result->results.string());
  return exit_code(result->report.verdict);
}

}  // namespace

void add_run(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand(
      "run", "Storm: concurrent spawners under injected faults, then every invariant is checked");
  const auto options = std::make_shared<Options>();
  StormSettings& settings = options->settings;
  command->add_option("--target", settings.target, "What to test")->capture_default_str();
  command->add_option("--agents", settings.agents, "Concurrent spawners")->capture_default_str();
  command->add_option("--spawns", settings.spawns, "Spawns per spawner")->capture_default_str();
  command->add_option("--processes", settings.processes,
                      "Processes to spread the spawners over (default: chosen)");
  command->add_option("--threads", settings.threads, "Threads per process (default: chosen)");
  command->add_option("--duration", options->duration_s,
                      "Go on spawning for so many seconds, instead of --spawns");
  command->add_option("--crash-rate", settings.crash_rate,
                      "Share of the spawns whose process is killed, at a drawn system call");
  command->add_option("--kill-session-rate", settings.kill_session_rate,
                      "Sessions killed from outside, per spawn");
  command->add_option("--kill-server-rate", settings.kill_server_rate,
                      "tmux servers killed, per spawn");
  command->add_option("--pause-rate", settings.pause_rate,
                      "Share of the spawns whose process is stopped (SIGSTOP) for a while");
  command->add_option("--update-rate", settings.update_rate, "Status updates per spawn")
      ->capture_default_str();
  command
      ->add_option("--kill-rate", settings.kill_rate, "Agents killed through the target, per spawn")
      ->capture_default_str();
  command->add_option("--list-rate", settings.list_rate, "Lists per spawn")->capture_default_str();
  command->add_option("--validate-rate", settings.validate_rate, "Validations per spawn")
      ->capture_default_str();
  command->add_option("--preload", settings.preload, "Ended agents in the registry beforehand")
      ->capture_default_str();
  command->add_option("--types", settings.types,
                      "Agent types that the spawns share (0: each its own)");
  command->add_flag("--unique-types", settings.unique_types,
                    "Each spawn asks to be the only active agent of its type in its task");
  command->add_option("--max-concurrent", settings.max_concurrent, "Limit given to the target");
  command->add_option("--max-agents", settings.max_agents, "Limit given to the target");
  CLI::Option* seed =
      command->add_option("--seed", settings.seed, "Draws all faults (default: drawn)");
  command->add_option("--time-limit", options->time_limit_s, "Seconds; then the verdict is unknown")
      ->capture_default_str();
  command->add_option("--sessions", settings.sessions, "Where agents live: tmux or process")
      ->capture_default_str();
  command
      ->add_option("--injection", options->injection,
                   "auto, supervisor (or fail), signals (SIGKILL at random moments)")
      ->check(CLI::IsMember({"auto", "supervisor", "signals"}))
      ->capture_default_str();
  command->add_option("--out", settings.out, "Folder for results")->capture_default_str();
  command->add_option("--name", settings.name, "Name of the run")->capture_default_str();
  command->add_flag("--json", options->json, "The report as JSON on standard output");
  command->footer(
      "Examples:\n"
      "  stress --agents 10 --crash-rate 0.1\n"
      "  stress run --agents 100 --crash-rate 0.1 --kill-session-rate 0.05 --seed 7\n"
      "  stress run --agents 300 --sessions process --json | jq .verdict");
  command->callback([options, seed, &action, argv] {
    options->seeded = seed->count() > 0;
    action = [options, argv] { return run(*options, argv); };
  });
}

}  // namespace stress
