#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "harness/cli/bounds.h"
#include "harness/cli/commands.h"
#include "harness/cli/exit_codes.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "harness/explore/explore.h"
#include "reports/writers/writers.h"

namespace stress {
namespace {

constexpr std::size_t kColumns = 100;

struct ReplayOptions {
  std::filesystem::path file;
  int times = 1;
  std::filesystem::path out = "stress-results";
};

int replay_failure(const ReplayOptions& options) {
  const base::Result<FailureFile> failure = load_failure(options.file);
  if (!failure) return usage_error("replay", failure.error().message);
  const std::atomic<bool>& interrupted = install_interrupt_handler();
  const base::Result<ReplayResult> result =
      run_replay(*failure, options.times, options.out, interrupted);
  if (!result && interrupted) {
    say(stderr, "stress replay: interrupted\n");
    return kExitUnknown;
  }
  if (!result) return usage_error("replay", result.error().message);
  for (const std::string& warning : result->warnings) say(stderr, "note: {}\n", warning);
  const report::FailingSchedule& schedule = result->schedule;
  say("{}\n", report::to_story(schedule, colours_wanted(), kColumns));
  if (schedule.departed.empty()) {
    say("{} of {}: the same trace and the same violation\n", schedule.replays_same,
        schedule.replays);
  } else {
    say("{} of {} the same; one departed: {}\n", schedule.replays_same, schedule.replays,
        schedule.departed);
  }
  return exit_code(result->verdict);
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("replay", "Run a failing schedule again that `stress explore` has kept");
  const auto options = std::make_shared<ReplayOptions>();
  command->add_option("file", options->file, "failures/NNN.json of the results")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--times", options->times, "How often")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--out", options->out, "Folder for results")->capture_default_str();
  command->footer("Example:\n  stress replay stress-results/latest/failures/001.json --times 100");
  command->callback(
      [options, &action] { action = [options] { return replay_failure(*options); }; });
}

}  // namespace stress
