// Goal: faults that need a room do what they say, for root and for others, and are found in what
// targets make of them; a run with one leaves nothing behind; where there can be no room it is
// said. Method: small storms, with the fault and, as their control, without.
#include "harness/supervise/room.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <tuple>

#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class RoomRun : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::atomic<bool> calm{false};
    const auto tried = stress::run_in_room(calm, [] { return 0; });
    if (!tried) GTEST_SKIP() << tried.error().message;
  }
  [[nodiscard]] base::Outcome storm(const Words& more, const Words& before = {},
                                    const char* spawns = "4") const {
    Words argv = before;
    argv.insert(argv.end(), {STRESS_PROGRAM, "run", "--agents", "4", "--spawns", spawns, "--seed",
                             "5", "--out", out().string()});
    argv.insert(argv.end(), more.begin(), more.end());
    return execute(argv);
  }
  [[nodiscard]] std::filesystem::path out() const { return folder_ / "r"; }
  [[nodiscard]] Json report() const { return read_json(out() / "latest" / "report.json"); }
  static std::string specimen(const std::string& name) {
    return SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/python/" + name + ".json";
  }
  /// How often a fault of this kind was injected.
  static int injected(const Json& report, std::string_view kind) {
    for (const Json& line : report["faults"]) {
      if (line["kind"] == kind) return line["injected"].get<int>();
    }
    return 0;
  }
  tests::TempFolder folder_;
};

// Root without its right to make namespaces is as anybody else: it needs a user namespace.
const Words kAsAnybody{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"};

class CorrectTarget : public RoomRun,
                      public ::testing::WithParamInterface<std::tuple<const char*, bool>> {
 protected:
  void expect_a_pass_with(const char* flag, const char* rate, const char* spawns = "4") const {
    const auto& [sessions, as_anybody] = GetParam();
    if (as_anybody && ::geteuid() != 0) GTEST_SKIP() << "this user is anybody already";
    const base::Outcome run = storm({"--sessions", sessions, "--kill-rate", "0", flag, rate},
                                    as_anybody ? kAsAnybody : Words{}, spawns);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
};

TEST_P(CorrectTarget, PassesThoughPidsComeRoundAgain) {
  expect_a_pass_with("--reuse-pid-rate", "0.25");
  if (HasFatalFailure() || IsSkipped()) return;
  EXPECT_EQ(injected(report(), "pid-reuse"), 4) << report()["faults"];
  EXPECT_EQ(injected(report(), "session-kill"), 4) << report()["faults"];
}

TEST_P(CorrectTarget, PassesThoughItsDiskIsFullNowAndThen) {
  // Many: a disk is full for moments, and a short storm may be over before the first of them.
  expect_a_pass_with("--full-disk-rate", "0.1", "20");
  if (HasFatalFailure() || IsSkipped()) return;
  EXPECT_GT(injected(report(), "full-disk"), 0) << report()["faults"];
  EXPECT_EQ(report()["totals"]["spawns_acknowledged"], 80);
  EXPECT_TRUE(std::filesystem::exists(out() / "latest" / "registry-final"));
  EXPECT_FALSE(std::filesystem::exists(out() / "latest" / "workspace"));
  const base::Outcome again = execute({STRESS_PROGRAM, "check", (out() / "latest").string()});
  EXPECT_EQ(again.exit_code, 0) << again.out;
}

INSTANTIATE_TEST_SUITE_P(With, CorrectTarget,
                         ::testing::Combine(::testing::Values("process", "tmux"),
                                            ::testing::Bool()),
                         [](const auto& with) {
                           return std::string(std::get<0>(with.param)) +
                                  (std::get<1>(with.param) ? "AsAnybody" : "");
                         });

TEST_F(RoomRun, AFlawThatOnlyAFullDiskShowsIsFoundAndItsWorkspaceIsKept) {
  const Words full_disk{"--full-disk-rate", "0.5", "--update-rate", "1", "--target"};
  const auto with = [&](const std::string& target) {
    Words flags = full_disk;
    flags.push_back(specimen(target));
    return storm(flags).exit_code;
  };
  EXPECT_EQ(with("empty_when_full"), 1);
  EXPECT_THAT(invariants(report(), "fail"), Contains("registry-readable"));
  EXPECT_TRUE(std::filesystem::exists(out() / "latest" / "workspace" / "registry.json"));
  EXPECT_FALSE(std::filesystem::exists(out() / "latest" / "workspace.kept"));

  EXPECT_EQ(with("orchestrator"), 0) << "its correct twin";
  EXPECT_EQ(storm({"--update-rate", "1", "--target", specimen("empty_when_full")}).exit_code, 0)
      << "without the fault";
}

TEST_F(RoomRun, WhoGoesByTheNumberOfAProcessAloneIsFoundOut) {
  const auto with = [&](const char* rate, const char* target) {
    return storm({"--kill-rate", "0", rate, "0.25", "--target", specimen(target)}).exit_code;
  };
  EXPECT_EQ(with("--reuse-pid-rate", "pid_alone"), 1);
  EXPECT_THAT(invariants(report(), "fail"), Contains("no-ghosts"));
  EXPECT_EQ(with("--reuse-pid-rate", "killed_group"), 1);
  EXPECT_EQ(invariants(report(), "fail"), std::set<std::string>{"repair-harmless"});
  EXPECT_THAT(report().dump(), HasSubstr("A stranger that was given the pid of agent"));

  EXPECT_EQ(with("--reuse-pid-rate", "orchestrator"), 0) << "their correct twin";
  for (const char* target : {"pid_alone", "killed_group"}) {
    EXPECT_EQ(with("--kill-session-rate", target), 0) << target << " without the fault";
  }
}

TEST_F(RoomRun, ASuiteHasScenariosInRoomsToo) {
  const auto write = [&](const std::string& name, const std::string& rate, int acknowledged) {
    std::ofstream(folder_ / (name + ".json"))
        << R"({"name": ")" << name << R"(", "seeds": [1], "run": {"agents": 2, "spawns": 2,)"
        << R"( "sessions": "process", "full-disk-rate": )" << rate
        << R"(}, "expect": {"spawns_acknowledged": )" << acknowledged << "}}";
    return (folder_ / (name + ".json")).string();
  };
  const base::Outcome good =
      execute({STRESS_PROGRAM, "suite", write("full", "0.5", 4), write("calm", "0", 4), "--out",
               out().string(), "--junit", (folder_ / "junit.xml").string()});
  EXPECT_EQ(good.exit_code, 0) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("2 runs: 2 passed"));
  EXPECT_THAT(base::read_file(folder_ / "junit.xml").value_or(""), HasSubstr("full"));
  const base::Outcome bad =
      execute({STRESS_PROGRAM, "suite", write("full", "0.5", 5), "--out", out().string()});
  EXPECT_EQ(bad.exit_code, 1) << bad.out << bad.err;
  EXPECT_THAT(bad.out, HasSubstr("was expected to be 5, not 4"));
}

TEST_F(RoomRun, WhereThereCanBeNoneASentenceSaysSoAndNothingIsLeft) {
  // A user namespace in which no other can be made, and no right to do without.
  const std::string script =
      "echo 0 > /proc/sys/user/max_user_namespaces && "
      "exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \"$0\" \"$@\"";
  const Words bare{"unshare", "--user", "--map-root-user", "sh", "-c", script};
  const base::Outcome run = storm({"--full-disk-rate", "0.5"}, bare);
  EXPECT_EQ(run.exit_code, kUsage) << run.out << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("stress run: --full-disk-rate needs private namespaces: cannot"));
  EXPECT_THAT(run.err, HasSubstr("run it as root"));
  EXPECT_FALSE(std::filesystem::exists(out()));
  EXPECT_EQ(storm({"--sessions", "process"}, bare).exit_code, 0) << "a run without a room";
}

}  // namespace
}  // namespace e2e
