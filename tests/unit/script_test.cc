// Goal: a schedule survives its writing down as stretches, and one that had something taken away
// can still be followed.
#include "harness/schedule/script.h"

#include <gmock/gmock.h>

#include "harness/schedule/strategies.h"
#include "tests/unit/simulated_run.h"

namespace stress::testing {
namespace {

using ::testing::ElementsAre;
using Kind = SimCall::Kind;

Decision run(const std::string& who) { return {Act::kRun, who}; }
Decision crash(const std::string& who) { return {Act::kCrash, who}; }

SimProgram two_locked_writers() {
  SimProgram program;
  for (const char* label : {"A", "B"}) {
    program.push_back({label,
                       label,
                       {{Kind::kLock, 0},
                        {Kind::kRead, 0},
                        {Kind::kWrite, 0},
                        {Kind::kUnlock, 0},
                        {Kind::kSleep, 0}}});
  }
  return program;
}

TEST(Script, StepsInARowAreOneStretchAndDeathsStandAlone) {
  EXPECT_THAT(script_of({run("A"), run("A"), run("B"), crash("B"), crash("A"), run("A")}),
              ElementsAre(Stretch{run("A"), 2}, Stretch{run("B"), 1}, Stretch{crash("B"), 1},
                          Stretch{crash("A"), 1}, Stretch{run("A"), 1}));
  EXPECT_TRUE(script_of({}).empty());
}

TEST(Script, FollowedToTheLetterItIsTheSameRun) {
  const SimProgram program = two_locked_writers();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomWalk walk(seed, 10);
    const SimRun made = simulate(program, walk, {.crashes_max = 1});
    FollowScript follow(script_of(made.decisions));
    const SimRun again = simulate(program, follow, {.crashes_max = 1});
    EXPECT_EQ(again.decisions, made.decisions) << "seed " << seed;
    EXPECT_EQ(again.outcome, made.outcome);
  }
}

TEST(Script, WhoCannotGoOnIsPassedOver) {
  Moment moment;
  moment.candidates = {{"B", "B", "B", "read x", 0, false}, {"C", "C", "C", "read x", 0, false}};
  FollowScript follow({{run("A"), 3}, {crash("C"), 1}, {run("C"), 2}, {run("B"), 1}});
  EXPECT_EQ(follow.choose(moment), run("C"));
  EXPECT_EQ(follow.choose(moment), run("C"));
  EXPECT_EQ(follow.choose(moment), run("B"));
}

TEST(Script, WhoEndsEarlyLeavesTheRestOfHisStretch) {
  const SimProgram program = two_locked_writers();
  FollowScript follow({{run("A"), 100}, {run("B"), 2}});
  const SimRun made = simulate(program, follow);
  EXPECT_THAT(script_of(made.decisions), ElementsAre(Stretch{run("A"), 6}, Stretch{run("B"), 6}));
}

TEST(Script, BehindItsEndTheDefaultRuleDecides) {
  FollowScript follow({{run("B"), 1}});
  EXPECT_THAT(script_of(simulate(two_locked_writers(), follow).decisions),
              ElementsAre(Stretch{run("B"), 5}, Stretch{run("A"), 6}, Stretch{run("B"), 1}));
}

}  // namespace
}  // namespace stress::testing
