#include "harness/explore/explore.h"

#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/cli/baseline.h"
#include "harness/cli/bounds.h"
#include "harness/cli/commands.h"
#include "harness/cli/conclude.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/progress_line.h"
#include "orchestrator/base/file_io.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

struct ExploreOptions {
  ExploreSettings settings;
  int spawners = 0;
  std::optional<std::string> ops;
  std::vector<std::filesystem::path> baselines;
  bool json = false;
};

class SchedulesProgress : public ExploreProgress {
 public:
  explicit SchedulesProgress(bool quiet) : line_(quiet) {}

  void began(std::uint64_t seed, const std::string& results) override {
    line_.tell("seed {}\nresults in {}\nrecording the operations ...", seed, results);
  }
  void recorded(const report::Exploration& so_far) override {
    line_.tell("{} tasks, {} steps where nobody interferes", so_far.tasks, so_far.steps);
  }
  void ran(const report::Exploration& so_far, double seconds, std::size_t open) override {
    line_.show(fmt::format("{} schedules, {} failing{}, {:.1f} a second{}", so_far.executed,
                           so_far.failing,
                           so_far.unknown > 0 ? fmt::format(", {} not judged", so_far.unknown) : "",
                           static_cast<double>(so_far.executed) / seconds,
                           open > 0 ? fmt::format(", {} known and not run yet", open) : ""));
  }
  void found(const std::string& invariant, const std::string& by) override {
    line_.tell("{} is violated: {}; it is made shorter now ...", invariant, by);
  }

 private:
  ProgressLine line_;
};

base::Status write_files(const ExploreResult& result) {
  const std::filesystem::path& folder = result.results;
  base::Status done =
      base::replace_file(folder / "exploration.json", report::to_json(result.report));
  if (done) {
    done = base::replace_file(folder / "exploration.md", report::to_markdown(result.report));
  }
  if (done) {
    done = base::replace_file(folder / "repro.sh", report::to_repro_script(result.report), 0755);
  }
  for (const report::FailingSchedule& failure : result.report.failures) {
    if (done) {
      done = base::replace_file(folder / report::story_file(failure),
                                report::to_story_markdown(failure));
    }
    if (done) {
      done = base::replace_file(folder / report::trace_file(failure),
                                report::to_chrome_trace(failure));
    }
  }
  return done;
}

/// --spawners N is short for N spawns.
std::string take_operations(ExploreOptions& options) {
  std::vector<std::string>& ops = options.settings.ops;
  if (options.spawners > 0) ops.assign(static_cast<std::size_t>(options.spawners), "spawn");
  if (!options.ops) return {};
  if (options.spawners > 0) return "--spawners and --ops exclude each other";
  ops.clear();
  const std::string& words = *options.ops;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find_first_of(" ,", at), words.size());
    if (end > at) ops.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return {};
}

int explore(ExploreOptions& options) {
  ExploreSettings& settings = options.settings;
  std::string problem = take_operations(options);
  if (problem.empty()) problem = problem_with(settings);
  if (!problem.empty()) return usage_error("explore", problem);
  const auto known = load_baselines(options.baselines, {settings.target}, BaselineOf::kExploration);
  if (!known) return usage_error("explore", known.error().message);
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  base::Result<ExploreResult> result = [&] {
    SchedulesProgress progress(options.json);
    return run_explore(settings, progress, interrupted);
  }();
  if (!result) return usage_error("explore", result.error().message);
  if (!known->empty()) hold_against(baseline_for(*known, settings.target), result->report);
  return conclude("explore", write_files(*result), result->report, result->results, options.json);
}

void add_what(CLI::App& command, ExploreOptions& options) {
  ExploreSettings& settings = options.settings;
  command.add_option("--target", settings.target, "What to test")->capture_default_str();
  command.add_option("--spawners", options.spawners, "So many spawns at once (2)")
      ->check(positive());
  command.add_option("--ops", options.ops,
                     "What is done at once, e.g. \"spawn repair\": spawn, update, kill, list, "
                     "validate, repair, session-kill, agent-exit, pause");
  command
      .add_option("--prepared", settings.prepared,
                  "Agents that are there before (1 where one is acted on, or --crashes; else 0)")
      ->check(not_negative());
  command.add_option("--types", settings.types, "Spawns share so many types; 0: each has its own")
      ->check(not_negative());
  command.add_option("--sessions", settings.sessions,
                     "Where agents live: tmux (default) or process");
}

void add_how(CLI::App& command, ExploreOptions& options) {
  ExploreSettings& settings = options.settings;
  command.add_option("--strategy", settings.strategy, "random, pct, exhaustive or swarm")
      ->capture_default_str();
  command.add_option("--schedules", settings.schedules, "At most so many; 0: no limit")
      ->check(not_negative())
      ->capture_default_str();
  command.add_option("--depth", settings.depth, "pct: orderings that the bug needs")
      ->capture_default_str();
  command.add_option("--preemptions", settings.preemptions, "exhaustive: at most so many")
      ->capture_default_str();
  command.add_option("--crashes", settings.crashes, "At most so many programs are killed in each")
      ->capture_default_str();
  command.add_flag("--agents-at-once", settings.agents_at_once,
                   "What runs in agents' sessions goes on before anybody else does: only the "
                   "operations are interleaved, in far fewer schedules");
  command.add_flag("--begin-in-order", settings.begin_in_order,
                   "Operations begin in their order: enough where they are alike but for names");
  command.add_option("--seed", settings.seed, "What is drawn, and the programs' random bytes")
      ->check(not_negative())
      ->capture_default_str();
  command.add_option("--jobs", settings.jobs, "Explorers at once, one a processor")
      ->capture_default_str();
  command.add_option("--time-limit", settings.time_limit_s, "Seconds; then the rest is not run")
      ->capture_default_str();
  command
      .add_option("--shrink-runs", settings.shrink_runs,
                  "Schedules to make a failure short with; 0: as it was found")
      ->capture_default_str();
  command.add_flag("--keep-going", settings.keep_going, "Look for further failures after one");
  command.add_option("--until", settings.until, "End at a violation of this invariant only");
}

}  // namespace

void add_explore(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand(
      "explore",
      "Schedules one by one: who goes on is decided at each step, and what fails replays");
  const auto options = std::make_shared<ExploreOptions>();
  add_what(*command, *options);
  add_how(*command, *options);
  command->add_option("--out", options->settings.out, "Folder for results")->capture_default_str();
  add_baseline(*command, options->baselines);
  command->add_flag("--json", options->json, "The result as JSON on standard output");
  command->footer(
      "Examples:\n"
      "  stress explore --target my-target.json --spawners 2\n"
      "  stress explore --ops \"spawn repair\" --strategy exhaustive --preemptions 1 --crashes 1");
  command->callback([options, &action, argv, command] {
    ExploreSettings& settings = options->settings;
    settings.command = argv;
    // Exhaustive means all of them, unless somebody asks for fewer.
    if (settings.strategy == "exhaustive" && command->count("--schedules") == 0) {
      settings.schedules = 0;
    }
    if (settings.strategy == "swarm" && command->count("--schedules") == 0) settings.schedules = 0;
    action = [options] { return explore(*options); };
  });
}

}  // namespace stress
