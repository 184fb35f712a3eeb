// Goal: crash points are walked one by one, all of them, and a target that cannot take one is found
// at that very point, each time. Method: the built-in target, and one that saves its registry in
// place, which only a crash in the middle of that shows.
#include <gmock/gmock.h>

#include "harness/supervise/launch.h"
#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class CrashPoints : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = stress::probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
  }
  base::Outcome crashes(const Words& flags) {
    Words argv{FLAWED_STRESS_PROGRAM, "crashes", "--sessions",        "process",
               "--no-errors",         "--out",   out_.path().string()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return execute(std::move(argv));
  }
  [[nodiscard]] std::filesystem::path results() const { return out_ / "latest"; }
  [[nodiscard]] Json result() const { return read_json(results() / "crashes.json"); }

  static std::set<std::string> verdicts(const Json& crashes) {
    std::set<std::string> found;
    for (const Json& point : crashes["points"]) found.insert(point["verdict"].get<std::string>());
    return found;
  }

  tests::TempFolder out_;
};

TEST_F(CrashPoints, OfAnUpdateAreAllWalkedAndSound) {
  const base::Outcome run = crashes({"--target", "builtin", "--op", "update"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json crashes = result();
  EXPECT_EQ(crashes["exhaustive"], true);
  EXPECT_THAT(run.out, HasSubstr("exhaustive"));
  EXPECT_GT(crashes["points"].size(), 8u);
  EXPECT_THAT(verdicts(crashes), Each(::testing::AnyOf("ok", "recovered")));
  // Nothing of a sound trial stays.
  EXPECT_FALSE(std::filesystem::exists(results() / "points"));
  // What was cut off did not answer, and the crash after the answer came after it.
  EXPECT_EQ(crashes["points"].front()["reply"], "none");
  EXPECT_EQ(crashes["points"].back()["reply"], "ok");
  EXPECT_EQ(crashes["points"].back()["at"], "after reply");
}

TEST_F(CrashPoints, OfARepairFallOnTheCommandThatRepairs) {
  const base::Outcome run = crashes({"--target", "builtin", "--op", "repair"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json crashes = result();
  EXPECT_EQ(crashes["exhaustive"], true);
  EXPECT_THAT(crashes["victim"].get<std::string>(), HasSubstr("command"));
  // Killed before it had done anything, it leaves all to the next one; at its end, nothing.
  EXPECT_EQ(crashes["points"].front()["verdict"], "recovered");
  EXPECT_EQ(crashes["points"].back()["verdict"], "ok");
}

TEST_F(CrashPoints, FindARegistryThatIsWrittenInPlace) {
  const base::Outcome run = crashes({"--target", "flawed-in-place", "--op", "update"});
  ASSERT_EQ(run.exit_code, 1) << run.out << run.err;
  int torn = 0;
  int number = 0;
  for (const Json& point : result()["points"]) {
    if (point["verdict"] != "violation") continue;
    EXPECT_EQ(point["reproducible"], "exact") << point;
    ASSERT_THAT(point["broken"], Not(IsEmpty()));
    EXPECT_EQ(point["broken"][0]["id"], "registry-readable");
    const auto folder = results() / "points" / fmt::format("{:03}", point["number"].get<int>());
    EXPECT_TRUE(std::filesystem::exists(folder / "history.jsonl"));
    if (!point["at"].get<std::string>().starts_with("within write to registry.json")) continue;
    ++torn;
    number = point["number"];
    // Its history is judged alike without running anything.
    const base::Outcome check =
        execute({FLAWED_STRESS_PROGRAM, "check", (folder / "history.jsonl").string(), "--json"});
    EXPECT_THAT(invariants(Json::parse(check.out, nullptr, false), "fail"),
                Contains("registry-readable"));
  }
  ASSERT_GT(torn, 0) << run.out;

  const base::Outcome again =
      crashes({"--target", "flawed-in-place", "--op", "update", "--only", std::to_string(number)});
  EXPECT_EQ(again.exit_code, 1) << again.out << again.err;
  const Json only = result();
  ASSERT_EQ(only["points"].size(), 1u);
  EXPECT_EQ(only["points"][0]["number"], number);
  EXPECT_THAT(only["points"][0]["at"].get<std::string>(), StartsWith("within write to registry"));
  EXPECT_EQ(only["exhaustive"], false);
  EXPECT_THAT(again.out, Not(HasSubstr("exhaustive")));
}

TEST_F(CrashPoints, PassWithTheSameTargetWithoutTheFlaw) {
  const base::Outcome run = crashes({"--target", "control", "--op", "update"});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(result()["exhaustive"], true);
}

TEST_F(CrashPoints, OutOfTimeAreNotCalledExhaustive) {
  const base::Outcome run =
      crashes({"--target", "builtin", "--op", "update", "--time-limit", "0.001"});
  EXPECT_EQ(run.exit_code, 2) << run.out << run.err;
  EXPECT_EQ(result()["exhaustive"], false);
  EXPECT_THAT(verdicts(result()), ::testing::ElementsAre("not run"));
  EXPECT_THAT(run.out, HasSubstr("not exhaustive"));
}

TEST_F(CrashPoints, ThatDoNotExistAreRefusedByASentence) {
  const base::Outcome run = crashes({"--target", "builtin", "--op", "update", "--only", "9999"});
  EXPECT_EQ(run.exit_code, kUsage) << run.out;
  EXPECT_THAT(run.err, HasSubstr("--only 9999"));
}

// Goal: an operation that died with its worker is told so in the history of a real storm, so that
// the judge of lost updates need not wait for it for ever.
// Method: many threads in one process, which dies again and again; some of them are updating.
TEST_F(CrashPoints, InAStormTellWhenUpdatesDied) {
  const base::Outcome run =
      execute({FLAWED_STRESS_PROGRAM, "run", "--agents", "10", "--processes", "1", "--spawns", "4",
               "--crash-rate", "0.5", "--update-rate", "1", "--sessions", "process", "--seed", "3",
               "--out", out_.path().string()});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(base::read_file(results() / "history.jsonl").value_or(""), HasSubstr("\"died\":"));
}

}  // namespace
}  // namespace e2e
