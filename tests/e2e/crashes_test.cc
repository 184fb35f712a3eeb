// Goal: crash points are walked one by one, all of them, and a target that cannot take one is found
// at that very point, each time. Method: the built-in target, and one that saves its registry in
// place, which only a crash in the middle of that shows.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "harness/supervise/launch.h"
#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CrashPoints : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = stress::probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
  }
  base::Outcome crashes(const Words& flags, bool errors = false) {
    Words argv{FLAWED_STRESS_PROGRAM, "crashes", "--sessions", "process", "--out",
               out_.path().string()};
    if (!errors) argv.emplace_back("--no-errors");
    argv.insert(argv.end(), flags.begin(), flags.end());
    return execute(std::move(argv));
  }
  /// All points, none of which is run.
  Json planned(Words flags, bool errors = false) {
    flags.insert(flags.end(), {"--time-limit", "0.001"});
    const base::Outcome run = crashes(flags, errors);
    EXPECT_EQ(run.exit_code, 2) << run.out << run.err;
    return result();
  }
  /// One point, and what came of it.
  Json walk_one(Words flags, std::size_t number, int exit_code, bool errors = false) {
    flags.insert(flags.end(), {"--only", std::to_string(number)});
    const base::Outcome run = crashes(flags, errors);
    EXPECT_EQ(run.exit_code, exit_code) << run.out << run.err;
    EXPECT_THAT(run.out, Not(HasSubstr("exhaustive")));
    const Json crashes = result();
    EXPECT_EQ(crashes["points"].size(), 1u);
    EXPECT_EQ(crashes["points"][0]["number"], number);
    return crashes["points"][0];
  }
  static std::size_t number_of(const Json& plan, const std::string& at) {
    for (const Json& point : plan["points"]) {
      if (point["at"].get<std::string>().starts_with(at)) return point["number"];
    }
    ADD_FAILURE() << "no point " << at << " in " << plan["points"];
    return 0;
  }
  /// Its history stays, and is judged alike without running anything.
  void expect_one_broken(const Json& point, const std::string& invariant) const {
    ASSERT_EQ(point["broken"].size(), 1u) << point;
    EXPECT_EQ(point["broken"][0]["id"], invariant);
    const auto number = fmt::format("{:03}", point["number"].get<int>());
    const auto history = results() / "points" / number / "history.jsonl";
    const base::Outcome check =
        execute({FLAWED_STRESS_PROGRAM, "check", history.string(), "--json"});
    EXPECT_EQ(check.exit_code, 1);
    EXPECT_THAT(invariants(Json::parse(check.out, nullptr, false), "fail"), ElementsAre(invariant));
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
  const base::Outcome run = crashes({"--target", "control", "--op", "update"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json crashes = result();
  EXPECT_EQ(crashes["exhaustive"], true);
  EXPECT_THAT(run.out, HasSubstr("exhaustive"));
  EXPECT_GT(crashes["points"].size(), 8u);
  EXPECT_THAT(verdicts(crashes), Each(AnyOf("ok", "recovered")));
  // Nothing of a sound trial stays.
  EXPECT_FALSE(std::filesystem::exists(results() / "points"));
  // What was cut off did not answer, and the crash after the answer came after it.
  EXPECT_EQ(crashes["points"].front()["reply"], "none");
  EXPECT_EQ(crashes["points"].back()["reply"], "ok");
  EXPECT_EQ(crashes["points"].back()["at"], "after reply");
}

TEST_F(CrashPoints, ArePrintedAgainAsTheyWere) {
  const base::Outcome run =
      crashes({"--target", "control", "--op", "update", "--time-limit", "0.001"});
  const auto report = [&](const std::string& format) {
    return execute({FLAWED_STRESS_PROGRAM, "report", results().string(), "--format", format});
  };
  EXPECT_THAT(run.out, StartsWith(report("text").out + "results: "));
  EXPECT_EQ(report("text").exit_code, run.exit_code);
  EXPECT_EQ(report("json").out, text_of(results() / "crashes.json"));
  EXPECT_EQ(report("markdown").out, text_of(results() / "crashes.md"));
  EXPECT_EQ(report("junit").exit_code, kUsage);
  EXPECT_THAT(report("junit").err, HasSubstr("text, json and markdown"));
}

TEST_F(CrashPoints, AreNotAllThereAreWhereAWatchedFileIsMapped) {
  const base::Outcome run = crashes({"--target", "maps-a-file", "--op", "update"});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json crashes = result();
  EXPECT_THAT(verdicts(crashes), Each(AnyOf("ok", "recovered")));
  EXPECT_EQ(crashes["exhaustive"], false);
  EXPECT_THAT(run.out, HasSubstr("not exhaustive"));
  EXPECT_THAT(crashes["notes"].dump(), HasSubstr("journal"));
}

TEST_F(CrashPoints, OutOfTimeAreNotCalledExhaustive) {
  const Json plan = planned({"--target", "control", "--op", "update"});
  EXPECT_EQ(plan["exhaustive"], false);
  EXPECT_THAT(verdicts(plan), ElementsAre("not run"));
  const base::Outcome text =
      crashes({"--target", "control", "--op", "update", "--time-limit", "0.001"});
  EXPECT_THAT(text.out, HasSubstr("not exhaustive"));
}

TEST_F(CrashPoints, OfARepairFallOnTheCommandThatRepairs) {
  const Words repair{"--target", "control", "--op", "repair"};
  const Json plan = planned(repair);
  EXPECT_THAT(plan["victim"].get<std::string>(), HasSubstr("command"));
  // Killed before it has done anything, it leaves all to the next one; at its end, nothing.
  EXPECT_EQ(plan["points"].front()["at"], "before exec orchestrator");
  EXPECT_EQ(walk_one(repair, 1, 0)["verdict"], "recovered");
  EXPECT_EQ(plan["points"].back()["at"], "before exit");
  EXPECT_EQ(walk_one(repair, plan["points"].size(), 0)["verdict"], "ok");
}

TEST_F(CrashPoints, OfACommandKillItAndItsWorkerTellsSo) {
  const Words update{"--target", "by-command", "--op", "update"};
  const Json plan = planned(update);
  EXPECT_THAT(plan["victim"].get<std::string>(), HasSubstr("command"));
  for (const char* at :
       {"before exec orchestrator", "within write to registry.json.tmp-*",
        "before rename registry.json.tmp-*", "before write to stdout", "before exit"}) {
    const Json point = walk_one(update, number_of(plan, at), 0);
    EXPECT_THAT(point["verdict"].get<std::string>(), AnyOf("ok", "recovered")) << point;
    EXPECT_EQ(point["reply"], "info") << point;
    EXPECT_NE(point["blow"], "") << point;
  }
}

TEST_F(CrashPoints, FindARegistryThatIsWrittenInPlace) {
  const Words update{"--target", "flawed-in-place", "--op", "update"};
  const std::size_t number =
      number_of(planned(update), "within write to registry.json, up to its first page");
  const Json point = walk_one(update, number, 1);
  EXPECT_EQ(point["verdict"], "violation");
  EXPECT_EQ(point["reproducible"], "exact");
  expect_one_broken(point, "registry-readable");
}

TEST_F(CrashPoints, FindWhatIsHeldForEverByTheDead) {
  const Words update{"--target", "flawed-busy-for-ever", "--op", "update"};
  const Json plan = planned(update);
  const Json point = walk_one(update, number_of(plan, "before rename registry.json.tmp-*"), 1);
  EXPECT_EQ(point["reproducible"], "exact");
  expect_one_broken(point, "usable-afterwards");
  EXPECT_THAT(point.dump(), HasSubstr("in 3 attempts: somebody is at work"));
  // Who dies before it takes anything keeps nobody out.
  EXPECT_EQ(walk_one(update, 1, 0)["verdict"], "ok");
}

TEST_F(CrashPoints, LeaveABystanderUnharmed) {
  const base::Outcome run =
      crashes({"--target", "control", "--op", "update", "--with-bystander", "--only", "1"});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("another process stood in the middle of a spawn"));
}

TEST_F(CrashPoints, FindWhoHarmsABystander) {
  const base::Outcome run = crashes(
      {"--target", "flawed-gives-others-up", "--op", "update", "--with-bystander", "--only", "1"});
  EXPECT_EQ(run.exit_code, 1) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("bystander-unharmed"));
  expect_one_broken(result()["control"], "bystander-unharmed");
}

TEST_F(CrashPoints, AnErrorIsToldToTheTargetWhichLivesOn) {
  const Words update{"--target", "control", "--op", "update"};
  const Json plan = planned(update, true);
  for (const char* at : {"ENOSPC of write to registry.json.tmp-*", "EIO of fsync registry.json"}) {
    const Json point = walk_one(update, number_of(plan, at), 0, true);
    EXPECT_THAT(point["verdict"].get<std::string>(), AnyOf("ok", "recovered")) << point;
    EXPECT_EQ(point["reply"], "info") << point;
  }
}

TEST_F(CrashPoints, ThatDoNotExistAreRefusedByASentence) {
  const base::Outcome run = crashes({"--target", "control", "--op", "update", "--only", "9999"});
  EXPECT_EQ(run.exit_code, kUsage) << run.out;
  EXPECT_THAT(run.err, HasSubstr("--only 9999"));
}

// Goal: an operation that died with its worker is told so in the history of a real storm, so that
// the judge of lost updates need not wait for it for ever.
// Method: many threads in one process, which dies again and again; some of them are updating.
TEST_F(CrashPoints, InAStormTellWhenUpdatesDied) {
  const base::Outcome run = execute({FLAWED_STRESS_PROGRAM,
                                     "run",
                                     "--target",
                                     "control",
                                     "--agents",
                                     "10",
                                     "--processes",
                                     "1",
                                     "--spawns",
                                     "4",
                                     "--crash-rate",
                                     "0.5",
                                     "--update-rate",
                                     "1",
                                     "--sessions",
                                     "process",
                                     "--seed",
                                     "3",
                                     "--out",
                                     out_.path().string()});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(base::read_file(results() / "history.jsonl").value_or(""), HasSubstr("\"died\":"));
}

// Goal: where a target's operations are programs, a storm kills those and not their workers, as
// often as it was told to. Method: the built-in target by its command line.
TEST_F(CrashPoints, OfCommandsAreHitByAStormAsWell) {
  const base::Outcome run =
      execute({FLAWED_STRESS_PROGRAM, "run", "--target", "by-command", "--agents", "4", "--spawns",
               "3", "--crash-rate", "0.5", "--sessions", "process", "--seed", "3", "--out",
               out_.path().string()});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json report = read_json(results() / "report.json");
  EXPECT_EQ(report["totals"]["crashes_injected"], 6);
  // Whose worker had died would have said nothing.
  const std::string history = base::read_file(results() / "history.jsonl").value_or("");
  EXPECT_THAT(history, HasSubstr("signal 9"));
}

}  // namespace
}  // namespace e2e
