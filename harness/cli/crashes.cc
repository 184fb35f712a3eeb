#include "harness/campaign/crashes.h"

#include <memory>

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

struct CrashesOptions {
  CrashSettings settings;
  std::vector<std::filesystem::path> baselines;
  bool no_errors = false;
  bool json = false;
};

/// Each point that is not sound gets a line that stays.
class PointsProgress : public CrashProgress {
 public:
  explicit PointsProgress(bool quiet) : line_(quiet) {}

  void began(std::uint64_t seed, const std::string& results) override {
    line_.tell("seed {}\nresults in {}\nrecording the operation ...", seed, results);
  }
  void recorded(const report::Crashes& so_far, double seconds) override {
    line_.tell("{} calls, {} points, about {:.0f} s", so_far.calls.size(), so_far.points.size(),
               seconds * static_cast<double>(so_far.points.size()));
  }
  void judged(const report::PointResult& point, std::size_t done, std::size_t of) override {
    const bool sound = point.verdict == report::PointVerdict::kOk ||
                       point.verdict == report::PointVerdict::kRecovered;
    if (sound) return line_.show(fmt::format("{} of {}: {}", done, of, point.at.substr(0, 70)));
    line_.tell("{} of {}: point {}: {}: {}", done, of, point.number, to_string(point.verdict),
               point.at);
  }

 private:
  ProgressLine line_;
};

base::Status write_files(const CrashesResult& result) {
  struct File {
    const char* name;
    std::string content;
    mode_t mode;
  };
  for (const File& file : {File{"crashes.json", report::to_json(result.report), 0644},
                           File{"crashes.md", report::to_markdown(result.report), 0644},
                           File{"repro.sh", report::to_repro_script(result.report), 0755}}) {
    if (base::Status done = base::replace_file(result.results / file.name, file.content, file.mode);
        !done) {
      return done;
    }
  }
  return {};
}

int walk(CrashesOptions& options) {
  CrashSettings& settings = options.settings;
  settings.errors = !options.no_errors;
  if (const std::string problem = problem_with(settings); !problem.empty()) {
    return usage_error("crashes", problem);
  }
  const auto known = load_baselines(options.baselines, {settings.target}, BaselineOf::kCrashes);
  if (!known) return usage_error("crashes", known.error().message);
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  base::Result<CrashesResult> result = [&] {
    PointsProgress progress(options.json);
    return run_crashes(settings, progress, interrupted);
  }();
  if (!result) return usage_error("crashes", result.error().message);
  if (!known->empty()) hold_against(baseline_for(*known, settings.target), result->report);
  return conclude("crashes", write_files(*result), result->report, result->results, options.json);
}

}  // namespace

void add_crashes(CLI::App& app, Action& action, const std::vector<std::string>& argv) {
  CLI::App* command = app.add_subcommand(
      "crashes", "Crash points one by one: an operation is killed, or fails, at each of its calls");
  const auto options = std::make_shared<CrashesOptions>();
  CrashSettings& settings = options->settings;
  command->add_option("--target", settings.target, "What to test")->capture_default_str();
  command->add_option("--op", settings.op, "spawn, update, kill or repair")->capture_default_str();
  command->add_option("--only", settings.only, "Run the point of this number alone, and tell all")
      ->check(positive());
  command->add_flag("--no-errors", options->no_errors, "Crashes only, no failing calls");
  command->add_flag("--with-bystander", settings.with_bystander,
                    "Beside another spawn that stands in its middle and must succeed afterwards");
  command->add_option("--sessions", settings.sessions,
                      "Where agents live: tmux (default) or process");
  command
      ->add_option("--seed", settings.seed, "Told to the workload; the points do not depend on it")
      ->check(not_negative())
      ->capture_default_str();
  command->add_option("--time-limit", settings.time_limit_s, "Seconds; then the rest is not run")
      ->capture_default_str();
  command->add_option("--until", settings.until,
                      "End once this invariant is violated, e.g. no-orphans");
  command->add_option("--out", settings.out, "Folder for results")->capture_default_str();
  add_baseline(*command, options->baselines);
  command->add_flag("--json", options->json, "The result as JSON on standard output");
  command->footer(
      "Examples:\n"
      "  stress crashes --op update --sessions process\n"
      "  stress crashes --op spawn --only 17");
  command->callback([options, &action, argv] {
    options->settings.command = argv;
    action = [options] { return walk(*options); };
  });
}

}  // namespace stress
