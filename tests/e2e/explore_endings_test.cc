// Goal: however an exploration is ended, nothing of it stays, and who ends it in order gets a
// report of what was found so far.
// Method: signals in the middle of schedules, when their programs are known to run.
#include <csignal>
#include <map>
#include <optional>
#include <sstream>

#include "tests/e2e/explorations.h"
#include "tests/e2e/stress_process.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;

/// What the programs of an exploration with results in `out` are told of it. One run an explorer.
std::vector<StressProcess::Run> runs_in(const fs::path& out) {
  std::map<std::string, StressProcess::Run> runs;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string variables = base::read_file(entry->path() / "environ").value_or("");
    if (variables.find(out.string()) == std::string::npos) continue;
    StressProcess::Run run;
    std::istringstream lines(variables);
    for (std::string line; std::getline(lines, line, '\0');) {
      if (line.starts_with("SPAWNSTORM_RUN=")) run.token = line.substr(line.find('=') + 1);
      if (line.starts_with("TMUX_TMPDIR=")) run.temporary = line.substr(line.find('=') + 1);
    }
    if (!run.token.empty() && !run.temporary.empty()) runs[run.token] = run;
  }
  std::vector<StressProcess::Run> found;
  found.reserve(runs.size());
  for (const auto& [token, run] : runs) found.push_back(run);
  return found;
}

class ExploreEnding : public Explorations {
 protected:
  void begin(Words flags, std::size_t explorers = 1) {
    flags.insert(flags.end(), {"--schedules", "0"});
    process_.emplace(flags, out_.path(), "explore");
    ASSERT_TRUE(eventually([&] {
      runs_ = runs_in(out_.path());
      return runs_.size() == explorers;
    })) << process_->printed();
  }
  [[nodiscard]] std::string what_is_left() const {
    std::string left;
    for (const StressProcess::Run& run : runs_) left += what_is_left_of(run);
    return left;
  }
  void expect_nothing_left() const {
    EXPECT_TRUE(eventually([&] { return what_is_left().empty(); })) << what_is_left();
  }

  std::optional<StressProcess> process_;
  std::vector<StressProcess::Run> runs_;
};

TEST_F(ExploreEnding, ByASignalLeavesAReportThatIsNoPass) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    begin({});
    process_->signal(signal);
    EXPECT_EQ(process_->wait(), 2) << process_->printed();
    expect_nothing_left();
    EXPECT_EQ(exploration()["verdict"], "unknown");
    EXPECT_EQ(exploration()["reason"], "interrupted");
    EXPECT_FALSE(fs::exists(results() / "explorers"));
  }
}

TEST_F(ExploreEnding, InTheMiddleOfShrinkingKeepsWhatWasFound) {
  begin({"--target", specimen("python/no_lock")});
  ASSERT_TRUE(
      eventually([&] { return process_->printed().find("is violated") != std::string::npos; }));
  process_->signal(SIGINT);
  EXPECT_EQ(process_->wait(), 1) << process_->printed();
  expect_nothing_left();
  const Json report = exploration();
  ASSERT_EQ(report["failures"].size(), 1u);
  EXPECT_FALSE(report["failures"][0]["broken"].empty());
  const base::Outcome again = replay(results() / "failures" / "001.json");
  EXPECT_EQ(again.exit_code, 1) << again.out << again.err;
}

TEST_F(ExploreEnding, BySigkillLeavesNothing) {
  begin({"--jobs", "2"}, 2);
  process_->signal(SIGKILL);
  EXPECT_EQ(process_->wait(), 128 + SIGKILL);
  expect_nothing_left();
}

TEST_F(ExploreEnding, OfItsWholeProcessGroupLeavesNothing) {
  begin({});
  ASSERT_EQ(::kill(-process_->pid(), SIGKILL), 0);
  EXPECT_EQ(process_->wait(), 128 + SIGKILL);
  expect_nothing_left();
}

TEST_F(ExploreEnding, AtATimeLimitBeforeTheFirstScheduleIsNoPass) {
  const base::Outcome run = explore({"--time-limit", "0.001"});
  EXPECT_EQ(run.exit_code, 2) << run.out << run.err;
  EXPECT_EQ(exploration()["reason"], "the time was over before the first schedule");
}

TEST_F(ExploreEnding, OfAReplayIsNoVerdict) {
  ASSERT_EQ(explore({"--target", explored("unlocked")}).exit_code, 1);
  const std::string failure = results() / "failures" / "001.json";
  process_.emplace(Words{failure, "--times", "1000"}, out_.path(), "replay");
  ASSERT_TRUE(eventually([&] {
    runs_ = runs_in(out_.path());
    return runs_.size() == 1;
  })) << process_->printed();
  process_->signal(SIGINT);
  EXPECT_EQ(process_->wait(), 2) << process_->printed();
  expect_nothing_left();
}

}  // namespace
}  // namespace e2e
