// Goal: where schedules show in which order spawns took effect, that order is held against what the
// operations answer; a flaw that shows there alone is found, and what is correct is not accused.
// Method: correct targets with locks, with phases, with reads under their lock; a list in two
// halves.
#include "tests/e2e/explorations.h"

namespace e2e {
namespace {

using ::testing::HasSubstr;

struct Explored {
  std::string name;
  Words flags;
};

void PrintTo(const Explored& explored, std::ostream* out) { *out << explored.name; }

class ExploreCommits : public Explorations, public ::testing::WithParamInterface<Explored> {};

// Without a list the invariant applies only where spawns have places.
TEST_P(ExploreCommits, OfACorrectOneAreJudgedAndAccuseItOfNothing) {
  Words flags{"--schedules", "10"};
  flags.insert(flags.end(), GetParam().flags.begin(), GetParam().flags.end());
  const base::Outcome run = explore(flags);
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json report = exploration();
  EXPECT_EQ(report["failures"].size(), 0u);
  EXPECT_EQ(report["unknown"], 0) << report["reason"];
  EXPECT_GT(report["judged"].value("linearizable", 0), 0) << report["judged"];
}

INSTANTIATE_TEST_SUITE_P(
    Of, ExploreCommits,
    ::testing::Values(Explored{"builtin", {"--sessions", "process"}},
                      Explored{"c", {"--target", specimen("c/orchestrator")}},
                      Explored{"files", {"--target", specimen("files/orchestrator")}},
                      Explored{"locked", {"--target", explored("locked")}},
                      Explored{"whole", {"--target", explored("whole")}},
                      // Its registry is looked at behind its lock, when nothing changes any more.
                      Explored{"whole_locked",
                               {"--target", explored("whole_locked"), "--ops", "spawn"}},
                      Explored{"a_death", {"--sessions", "process", "--crashes", "1"}}),
    [](const auto& setting) { return setting.param.name; });

TEST_F(Explorations, OfWhatMayNotBeReadLiveSeeNoCommits) {
  const base::Outcome run =
      explore({"--target", specimen("sqlite/orchestrator"), "--schedules", "2"});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_FALSE(exploration()["judged"].contains("linearizable"));
}

Words two_spawns_and_a_list_of(const std::string& target, const Words& more) {
  Words flags{"--target", explored(target), "--ops", "spawn spawn list"};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

const Words kOneSwitch{"--strategy", "exhaustive", "--preemptions", "1"};

TEST_F(Explorations, FindAListThatShowsTheLaterOfTwoAlone) {
  const base::Outcome run = explore(two_spawns_and_a_list_of("by_halves", kOneSwitch));
  ASSERT_EQ(run.exit_code, 1) << run.out << run.err;
  const Json failure = exploration()["failures"][0];
  ASSERT_EQ(failure["broken"].size(), 1u);
  EXPECT_EQ(failure["broken"][0]["id"], "linearizable");
  EXPECT_EQ(failure["replays_same"], failure["replays"]);
  EXPECT_THAT(failure["broken"][0]["violations"][0]["summary"].get<std::string>(),
              HasSubstr("agent worker2, and not worker1, whose spawn was committed before"));
}

TEST_F(Explorations, FindNothingWhereAListIsWhole) {
  const base::Outcome run = explore(two_spawns_and_a_list_of("whole", kOneSwitch));
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  const Json report = exploration();
  EXPECT_EQ(report["exhaustive"], true);
  EXPECT_EQ(report["judged"]["linearizable"], report["executed"]);
}

// Two agents' records may come in one order, and their names into the index in the other.
TEST_F(Explorations, FindNothingWhereAListIsOfSomethingElseThanTheRecords) {
  const base::Outcome run = explore(two_spawns_and_a_list_of("indexed", {"--schedules", "40"}));
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(exploration()["judged"]["linearizable"], 40);
}

}  // namespace
}  // namespace e2e
