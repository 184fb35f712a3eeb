// What a user of `stress` meets at the command line: exit codes, sentences, output, results.
#include <sys/wait.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>

#include <gmock/gmock.h>

#include "harness/supervise/engine.h"
#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// The smallest storm there is, where sessions cost least.
Words small_storm(const std::filesystem::path& out, const Words& more = {}) {
  Words argv{STRESS_PROGRAM, "--agents", "2",      "--spawns", "2",     "--preload", "10",
             "--sessions",   "process",  "--seed", "5",        "--out", out.string()};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

/// No run began: 254, nothing on standard output, and one sentence that a user can act upon.
void expect_usage_error(const base::Outcome& outcome, const std::string& says) {
  EXPECT_EQ(outcome.exit_code, kUsage) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr(says));
  EXPECT_THAT(outcome.err, StartsWith("stress"));
  EXPECT_LE(std::ranges::count(outcome.err, '\n'), 2) << outcome.err;
}

struct BadFlags {
  Words flags;
  const char* says;
};

TEST(StressCli, WrongFlagsAreRefusedByASentenceThatNamesThem) {
  const tests::TempFolder out;
  for (const BadFlags& bad : std::vector<BadFlags>{
           {{"--no-such-flag"}, "--no-such-flag"},
           {{"no-such-command"}, "no-such-command"},
           {{"--agents", "0"}, "--agents"},
           {{"--agents", "many"}, "--agents"},
           {{"--agents", "100000"}, "--agents"},
           {{"--spawns", "0"}, "--spawns"},
           {{"--crash-rate", "1.5"}, "--crash-rate"},
           {{"--crash-rate", "-0.1"}, "--crash-rate"},
           {{"--crash-rate", "nan"}, "--crash-rate"},
           {{"--full-disk-rate", "2"}, "--full-disk-rate"},
           {{"--reuse-pid-rate", "-1"}, "--reuse-pid-rate"},
           {{"--seed", "-1"}, "--seed"},
           {{"--sessions", "screen"}, "screen"},
           {{"--injection", "magic"}, "--injection"},
           {{"--target", "nobody"}, "builtin"},
           {{"--sessions", "process", "--kill-server-rate", "0.5"}, "--kill-server-rate"},
           {{"--agents", "2", "--processes", "3"}, "--processes"},
           {{"--time-limit", "-1"}, "--time-limit"},
           {{"crashes", "--op", "dance"}, "dance"},
           {{"crashes", "--only", "0"}, "--only"},
           {{"crashes", "--sessions", "screen"}, "screen"},
           {{"crashes", "--time-limit", "-1"}, "--time-limit"},
           {{"check", "/no/such/folder"}, "/no/such/folder"},
           {{"report", "/no/such/folder"}, "/no/such/folder"},
       }) {
    Words argv{STRESS_PROGRAM};
    argv.insert(argv.end(), bad.flags.begin(), bad.flags.end());
    if (bad.flags[0].starts_with("-")) argv.insert(argv.end(), {"--out", out.path().string()});
    SCOPED_TRACE(bad.flags[0] + " " + bad.flags.back());
    expect_usage_error(execute(argv), bad.says);
  }
}

TEST(StressCli, HelpAndVersionAreNoErrors) {
  for (const char* flag : {"--help", "--version"}) {
    const base::Outcome outcome = execute({STRESS_PROGRAM, flag});
    EXPECT_EQ(outcome.exit_code, 0) << flag;
    EXPECT_THAT(outcome.out, Not(IsEmpty())) << flag;
  }
}

TEST(StressCli, AResultsFolderThatCannotBeMadeIsNamed) {
  const tests::TempFolder folder;
  std::ofstream(folder / "file") << "in the way";
  expect_usage_error(execute(small_storm(folder / "file" / "results")),
                     (folder / "file" / "results").string());
  expect_usage_error(execute(small_storm(folder / "file")), (folder / "file").string());
}

TEST(StressCli, AFolderWithoutResultsIsNamed) {
  const tests::TempFolder folder;
  expect_usage_error(execute({STRESS_PROGRAM, "check", folder.path().string()}),
                     folder.path().string());
  expect_usage_error(execute({STRESS_PROGRAM, "report", folder.path().string()}),
                     folder.path().string());
}

/// A PATH on which there is `sleep` alone, for the harness's bystanders.
std::string path_without_tmux(const tests::TempFolder& folder) {
  std::filesystem::create_directory(folder / "bin");
  std::filesystem::create_symlink("/bin/sleep", folder / "bin" / "sleep");
  return "PATH=" + (folder / "bin").string();
}

TEST(StressCli, WithoutTmuxTmuxSessionsAreRefusedByASentence) {
  const tests::TempFolder folder;
  const std::string path = path_without_tmux(folder);
  const base::Outcome outcome =
      execute({STRESS_PROGRAM, "--agents", "2", "--out", (folder / "r").string()}, {path});
  expect_usage_error(outcome, "tmux");
}

TEST(StressCli, WithoutTmuxProcessSessionsWork) {
  const tests::TempFolder folder;
  const base::Outcome outcome = execute(small_storm(folder / "r"), {path_without_tmux(folder)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST(StressCli, JsonIsAllThereIsOnStandardOutput) {
  const tests::TempFolder folder;
  const base::Outcome outcome = execute(small_storm(folder / "r", {"--json"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  const Json report = Json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(report.is_discarded()) << outcome.out;
  EXPECT_EQ(report, read_json(folder / "r" / "latest" / "report.json"));
  EXPECT_EQ(report["totals"]["spawns_acknowledged"], 4);
  EXPECT_EQ(report["seed"], 5);
}

TEST(StressCli, WhatIsPipedIsPlainAndTellsSeedResultsAndVerdict) {
  const tests::TempFolder folder;
  const base::Outcome outcome = execute(small_storm(folder / "r"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("\x1b"))) << "no colours, no live line";
  EXPECT_THAT(outcome.err, StartsWith("seed 5\n"));
  EXPECT_THAT(outcome.out, HasSubstr("PASS"));
  EXPECT_THAT(outcome.out, HasSubstr((folder / "r").string()));
}

TEST(StressCli, AStoredRunIsJudgedAndPrintedAgainAsItWas) {
  const tests::TempFolder folder;
  const base::Outcome run = execute(small_storm(folder / "r", {"--crash-rate", "0.5"}));
  const std::string results = (folder / "r" / "latest").string();
  const Json stored = read_json(results + "/report.json");

  const base::Outcome check = execute({STRESS_PROGRAM, "check", results, "--json"});
  EXPECT_EQ(check.exit_code, run.exit_code) << check.err;
  const Json judged = Json::parse(check.out, nullptr, false);
  ASSERT_FALSE(judged.is_discarded()) << check.out;
  EXPECT_EQ(judged["verdict"], stored["verdict"]);
  EXPECT_EQ(judged["invariants"], stored["invariants"]);

  const base::Outcome text = execute({STRESS_PROGRAM, "report", results});
  EXPECT_EQ(text.exit_code, run.exit_code) << text.err;
  EXPECT_THAT(run.out, StartsWith(text.out));
  const base::Outcome json = execute({STRESS_PROGRAM, "report", results, "--format", "json"});
  EXPECT_EQ(Json::parse(json.out, nullptr, false), stored);
  for (const char* format : {"markdown", "junit"}) {
    const base::Outcome other = execute({STRESS_PROGRAM, "report", results, "--format", format});
    EXPECT_EQ(other.exit_code, run.exit_code) << other.err;
    EXPECT_THAT(other.out, HasSubstr("clean-exit")) << format;
  }
}

TEST(StressCli, SignalsInsteadOfTheSupervisorKillAsManyAndTheReportSaysSo) {
  const tests::TempFolder folder;
  const base::Outcome outcome =
      execute(small_storm(folder / "r", {"--injection", "signals", "--crash-rate", "0.5"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("signals"));
  const Json report = read_json(folder / "r" / "latest" / "report.json");
  EXPECT_THAT(report["injection"].get<std::string>(), StartsWith("signals"));
  EXPECT_EQ(report["totals"]["crashes_injected"], 2);
}

TEST(StressCli, ACheckOfARunThatFellShortOfItsScenarioStillFails) {
  const tests::TempFolder folder;
  std::ofstream(folder / "short.json") << R"({"name": "short", "seeds": [1],
      "run": {"agents": 2, "processes": 2, "spawns": 1, "sessions": "process"},
      "expect": {"spawns_acknowledged": 3}})";
  const base::Outcome suite = execute({STRESS_PROGRAM, "suite", (folder / "short.json").string(),
                                       "--out", (folder / "r").string()});
  EXPECT_EQ(suite.exit_code, 1) << suite.out << suite.err;
  const base::Outcome check =
      execute({STRESS_PROGRAM, "check", (folder / "r" / "latest").string(), "--json"});
  EXPECT_EQ(check.exit_code, 1) << check.out << check.err;
  EXPECT_THAT(invariants(Json::parse(check.out, nullptr, false), "fail"),
              ElementsAre("expectations"));
}

TEST(StressCli, APathWithSpacesAndUtf8AndAForeignTmuxVariableMakeNoDifference) {
  const tests::TempFolder folder;
  const std::string out = (folder / "größe und ☂").string();
  const base::Outcome outcome = execute(
      {STRESS_PROGRAM, "--agents", "2", "--spawns", "2", "--crash-rate", "0.25", "--out", out},
      {"TMUX=/nowhere/default,1,0", "TMUX_PANE=%0", "TMUX_TMPDIR=/nowhere"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_EQ(read_json(out + "/latest/report.json")["totals"]["crashes_injected"], 1);
}

/// Of the history: the last look at the sessions before the first repair.
Json last_look_before_repair(const std::filesystem::path& history) {
  Json look;
  std::ifstream lines(history);
  for (std::string line; std::getline(lines, line);) {
    const Json event = Json::parse(line);
    if (event["event"] == "sessions" && event.value("phase", "") == "before-repair") look = event;
  }
  return look;
}

TEST(StressCli, RepairsBesideANewServerOrBesideNoneWhereServersWereKilled) {
  const tests::TempFolder out;
  std::set<bool> running;
  for (const char* seed : {"1", "2"}) {
    const base::Outcome run =
        execute({STRESS_PROGRAM, "--agents", "2", "--spawns", "3", "--seed", seed,
                 "--kill-server-rate", "0.2", "--out", out.path().string()});
    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    const Json look = last_look_before_repair(out / "latest" / "history.jsonl");
    running.insert(look.value("server_running", true));
  }
  EXPECT_EQ(running, (std::set<bool>{false, true}));
}

/// Lets every system call pass, and tells when the launched program has ended.
class Onlooker : public stress::Policy {
 public:
  stress::Verdict decide(const stress::Op&) override { return stress::Proceed{}; }
  void applied(const stress::Op&, const stress::Verdict&, bool) override {}
  void exited(std::uint32_t, int status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    ended_.notify_all();
  }
  /// As of waitpid; none: it did not end.
  std::optional<int> wait() {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, std::chrono::minutes(2), [this] { return status_.has_value(); });
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<int> status_;
};

// Goal: where somebody else already listens to this process's system calls, a run says so, and does
// what it can without.
// Method: the harness's own engine is that somebody.
class UnderAnotherSupervisor : public ::testing::Test {
 protected:
  /// The exit code; nothing: there is no supervision to be had here at all.
  std::optional<int> run(const Words& argv) {
    auto engine = stress::Engine::start(onlooker_, stress::kCrashSet, -1);
    if (!engine) return std::nullopt;
    stress::LaunchSpec spec;
    spec.argv = argv;
    spec.env = environment();
    spec.output = folder_ / "printed";
    if (!(*engine)->launch(spec)) return std::nullopt;
    const auto status = onlooker_.wait();
    EXPECT_TRUE(status && WIFEXITED(*status)) << printed();
    return status ? WEXITSTATUS(*status) : -1;
  }
  [[nodiscard]] std::string printed() const {
    return base::read_file(folder_ / "printed").value_or("");
  }

  tests::TempFolder folder_;
  Onlooker onlooker_;
};

TEST_F(UnderAnotherSupervisor, SupervisionIsRefusedByASentence) {
  const auto code = run(small_storm(folder_ / "r", {"--injection", "supervisor"}));
  if (!code) GTEST_SKIP() << "no supervision here";
  EXPECT_EQ(code, kUsage) << printed();
  EXPECT_THAT(printed(), HasSubstr("EBUSY"));
}

TEST_F(UnderAnotherSupervisor, CrashPointsAreRefusedByASentence) {
  const auto code =
      run({STRESS_PROGRAM, "crashes", "--sessions", "process", "--out", (folder_ / "r").string()});
  if (!code) GTEST_SKIP() << "no supervision here";
  EXPECT_EQ(code, kUsage) << printed();
  EXPECT_THAT(printed(), HasSubstr("EBUSY"));
}

TEST_F(UnderAnotherSupervisor, SignalsDoItsWorkAndTheReportSaysWhy) {
  const auto code = run(small_storm(folder_ / "r", {"--crash-rate", "0.5"}));
  if (!code) GTEST_SKIP() << "no supervision here";
  EXPECT_EQ(code, 0) << printed();
  const Json report = read_json(folder_ / "r" / "latest" / "report.json");
  EXPECT_THAT(report["injection"].get<std::string>(),
              AllOf(StartsWith("signals"), HasSubstr("EBUSY")));
  EXPECT_EQ(report["totals"]["crashes_injected"], 2);
}

// Goal: a reader that has seen enough takes nothing from a run. Method: one that reads one line.
TEST(StressOutput, ThatNobodyReadsAnyMoreIsDroppedAndTheRunGoesOn) {
  const tests::TempFolder folder;
  const auto out = (folder / "r").string();
  const base::Outcome run = execute({"/bin/bash", "-c", R"(set -o pipefail; "$@" 2>&1 | head -n 1)",
                                     "bash", STRESS_PROGRAM, "--agents", "2", "--spawns", "2",
                                     "--sessions", "process", "--out", out});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_TRUE(std::filesystem::exists(folder / "r" / "latest" / "report.json"));
}

TEST(StressOutput, ThatCannotBeWrittenIsAnError) {
  const base::Outcome run =
      execute({"/bin/bash", "-c", R"("$@" > /dev/full)", "bash", STRESS_PROGRAM, "--help"});
  EXPECT_EQ(run.exit_code, 255);
  EXPECT_NE(run.err.find("cannot write to standard output"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace e2e
