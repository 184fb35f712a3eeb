// Goal: `stress --fault` injects what it was told, says so, and judges what comes of it.
// Method: the smallest storm there is, with a plan and, as its control, without.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>

#include "harness/supervise/engine.h"
#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class FaultPlanRun : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = stress::probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
  }
  /// Runs a storm and returns its report.
  Json storm(int exit_code, const Words& more) {
    Words argv{STRESS_PROGRAM, "--agents", "2", "--spawns", "2",     "--preload",
               "60",           "--seed",   "5", "--json",   "--out", (folder_ / "r").string()};
    argv.insert(argv.end(), {"--sessions", "process"});
    argv.insert(argv.end(), more.begin(), more.end());
    const base::Outcome outcome = execute(argv);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.out << outcome.err;
    return Json::parse(outcome.out, nullptr, false);
  }
  tests::TempFolder folder_;
};

TEST_F(FaultPlanRun, TheControlWithoutAPlanHasNoFaults) {
  const Json report = storm(0, {});
  EXPECT_TRUE(report["faults"].empty()) << report["faults"];
}

TEST_F(FaultPlanRun, EachLineOfThePlanIsInjectedAsOftenAsItSays) {
  const Json report = storm(0, {"--fault", "write@*registry.json.tmp*:errno=ENOSPC:when=2",
                                "--fault", "rename@*/registry.json:kill:when=3"});
  ASSERT_EQ(report["faults"].size(), 2u) << report["faults"];
  EXPECT_EQ(report["faults"][0]["class"], "rename@*/registry.json:kill:when=3");
  EXPECT_EQ(report["faults"][1]["class"], "write@*registry.json.tmp*:errno=ENOSPC:when=2");
  for (const Json& line : report["faults"]) {
    EXPECT_EQ(line["kind"], "fault");
    EXPECT_EQ(line["injected"], 1);
    EXPECT_GT(line["drawn"], 2);
  }
  EXPECT_EQ(report["totals"]["spawns_acknowledged"], 4);
}

TEST_F(FaultPlanRun, AFaultThatNothingMatchesIsSaidToHaveTestedNothing) {
  const Json report = storm(0, {"--fault", "write@*/no-such-file:errno=EIO"});
  EXPECT_EQ(report["faults"][0]["drawn"], 0);
  EXPECT_THAT(report["notes"].dump(), HasSubstr("no-such-file"));
}

TEST_F(FaultPlanRun, ADiskThatStaysFullEndsAsUnknownWithASentence) {
  const Json report = storm(2, {"--fault", "write@*registry.json.tmp*:errno=ENOSPC"});
  EXPECT_EQ(report["verdict"], "unknown");
  EXPECT_THAT(report["reason"].get<std::string>(), HasSubstr("No space left on device"));
  EXPECT_EQ(report["totals"]["spawns_acknowledged"], 0);
}

TEST_F(FaultPlanRun, AFlawThatOnlyAFailingDiskShowsIsFoundAndItsCorrectTwinPasses) {
  const auto judge = [&](const std::string& specimen, int seed, const Words& more) {
    Words argv{STRESS_PROGRAM,
               "--agents",
               "4",
               "--spawns",
               "8",
               "--seed",
               std::to_string(seed),
               "--update-rate",
               "1",
               "--json",
               "--out",
               (folder_ / "r").string(),
               "--target",
               SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/python/" + specimen};
    argv.insert(argv.end(), more.begin(), more.end());
    return Json::parse(execute(argv).out, nullptr, false);
  };
  const Words full_disk{"--fault", "write@*registry.json*:errno=ENOSPC:p=0.35"};
  // A storm is statistical: a save that fails must be an update's, and nobody's after it.
  std::set<std::string> broken;
  for (int seed = 1; seed <= 4 && !broken.contains("no-lost-update"); ++seed) {
    for (const std::string& id :
         invariants(judge("swallowed_error.json", seed, full_disk), "fail")) {
      broken.insert(id);
    }
  }
  EXPECT_THAT(broken, Contains("no-lost-update"));
  EXPECT_EQ(judge("orchestrator.json", 1, full_disk)["verdict"], "pass");
  EXPECT_EQ(judge("swallowed_error.json", 1, {})["verdict"], "pass");
}

/// The Python specimens with some more beside them, which repair while others spawn.
class FaultyListings : public FaultPlanRun {
 protected:
  void SetUp() override {
    FaultPlanRun::SetUp();
    if (IsSkipped()) return;
    int scope = 0;
    std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
    if (scope > 1) GTEST_SKIP() << "tracing may be forbidden here";
    std::filesystem::copy(SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/python", folder_ / "python",
                          std::filesystem::copy_options::recursive);
    for (const std::string name : {"error_means_dead", "slow_means_dead"}) {
      std::ofstream(folder_ / "python" / (name + "_watchdog.json"))
          << Json{{"extends", "watchdog.json"},
                  {"name", name + "-watchdog"},
                  {"parameters", {{"program", name + ".py"}}}};
    }
  }
  Json judge(const std::string& specimen, int seed, const Words& faults) {
    Words argv{STRESS_PROGRAM, "--agents", "4", "--spawns", "3", "--validate-rate", "0.8"};
    argv.insert(argv.end(), {"--json", "--out", (folder_ / "r").string()});
    argv.insert(argv.end(), {"--seed", std::to_string(seed)});
    argv.insert(argv.end(), {"--target", (folder_ / "python" / specimen).string()});
    for (const std::string& fault : faults) argv.insert(argv.end(), {"--fault", fault});
    return Json::parse(execute(argv).out, nullptr, false);
  }
  /// A storm is statistical; the first of these seeds shows it nearly always.
  std::set<std::string> broken_within_four_seeds(const std::string& specimen,
                                                 const std::string& fault) {
    std::set<std::string> broken;
    for (int seed = 3; seed <= 6 && broken.empty(); ++seed) {
      broken = invariants(judge(specimen, seed, {fault}), "fail");
    }
    return broken;
  }
  const std::string failing_ = "exec@tmux *list-panes*:exit=1:p=0.3";
  const std::string slow_ = "exec@tmux *list-panes*:pause=2s:p=0.3";
};

TEST_F(FaultyListings, WhoTakesAnErrorOfTmuxForADeadAgentIsFound) {
  EXPECT_THAT(broken_within_four_seeds("error_means_dead_watchdog.json", failing_),
              Contains("repair-harmless"));
  EXPECT_EQ(judge("error_means_dead_watchdog.json", 3, {})["verdict"], "pass");
}

TEST_F(FaultyListings, WhoTakesASlowTmuxForADeadAgentIsFound) {
  EXPECT_THAT(broken_within_four_seeds("slow_means_dead_watchdog.json", slow_),
              Contains("repair-harmless"));
  EXPECT_EQ(judge("slow_means_dead_watchdog.json", 3, {})["verdict"], "pass");
}

TEST_F(FaultyListings, TheCorrectTwinWaitsAndAsksAgain) {
  const Json report = judge("watchdog.json", 3, {failing_, slow_});
  EXPECT_EQ(report["verdict"], "pass") << report["invariants"];
  for (const Json& line : report["faults"]) EXPECT_GT(line["injected"], 0) << line;
}

TEST_F(FaultPlanRun, WithoutTheSupervisorAPlanIsRefused) {
  const base::Outcome outcome =
      execute({STRESS_PROGRAM, "--agents", "1", "--sessions", "process", "--injection", "signals",
               "--fault", "fsync:kill", "--out", (folder_ / "r").string()});
  EXPECT_EQ(outcome.exit_code, kUsage) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("--fault needs the supervisor"));
}

TEST_F(FaultPlanRun, AMistakeInASpecIsSaidWithItsPlace) {
  const base::Outcome outcome = execute({STRESS_PROGRAM, "--fault", "write@x:kil"});
  EXPECT_EQ(outcome.exit_code, kUsage) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("--fault 'write@x:kil': at character 9: 'kil' is no action"));
}

}  // namespace
}  // namespace e2e
