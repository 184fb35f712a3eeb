#include "harness/campaign/crash_bystander.h"

#include "harness/campaign/attend.h"

namespace stress {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kGrace = std::chrono::seconds(60);
constexpr std::uint32_t kState = 2;

}  // namespace

CrashBystander::CrashBystander(Stage& stage, Collector& collector, const WorkerConfig& config)
    : stage_(stage),
      policy_(stage.threads(), stage.classifier(),
              stage.target().runs_commands() ? Victim::kCommand : Victim::kLaunched,
              stage.place().sessions == "tmux" ? Middle::kSessionHost : Middle::kFirstCommit),
      crew_(stage, policy_, collector, config) {
  crew_.stand_down();
}

base::Status CrashBystander::start(const ScriptStep& spawn, const std::atomic<bool>& interrupted) {
  WorkerThread thread;
  thread.client = kBystanderClient;
  thread.state = kState;
  thread.script.push_back(spawn);
  if (base::Status started = crew_.start({thread}); !started) return started;
  const auto deadline = Clock::now() + kGrace;
  while (!policy_.holding()) {
    if (!crew_.tend(std::chrono::milliseconds(5))) {
      return base::fail(base::Errc::kUnavailable,
                        "the bystander's spawn came to its end without a moment that would be its "
                        "middle");
    }
    if (interrupted || Clock::now() > deadline) {
      return base::fail(base::Errc::kTimeout, "the bystander did not come to its middle");
    }
  }
  return {};
}

base::Status CrashBystander::finish(std::chrono::milliseconds limit,
                                    const std::atomic<bool>& interrupted) {
  stage_.engine().end_pauses();
  return attend(crew_, stage_, {.what = "the bystander", .limit = limit}, interrupted);
}

}  // namespace stress
