// Planted bugs in what clients of a registry are shown, and what is no bug.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/check/linearizable.h"
#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

report::InvariantResult judge(const RunStory& run) { return check_linearizable(run.evidence()); }

TEST(Linearizable, AGoodRunPasses) { EXPECT_THAT(judge(good_run()), Passes()); }

TEST(Linearizable, FindsAnAgentThatListsHaveForgotten) {
  RunStory run;
  run.spawn("a", 1, 9);
  run.list(2, 3, {"a"});
  run.list(4, 5, {});
  EXPECT_THAT(judge(run), FailsOnce("a", "which began after that, does not"));
}

TEST(Linearizable, FindsAnAcknowledgedAgentThatIsNotListed) {
  RunStory run;
  run.spawn("a", 1, 2);
  run.list(3, 4, {});
  EXPECT_THAT(judge(run), FailsOnce("a", "does not show it"));
}

TEST(Linearizable, FindsAnAgentThatIsListedBeforeAnybodyAskedForIt) {
  RunStory run;
  run.list(1, 2, {"a"});
  run.spawn("a", 3, 4);
  EXPECT_THAT(judge(run), FailsOnce("a", "began after that"));
}

TEST(Linearizable, FindsListsThatShowTwoAgentsInTwoOrders) {
  RunStory run;
  run.spawn("a", 1, 9);
  run.spawn("b", 1, 9);
  run.list(2, 8, {"a"});
  run.list(3, 7, {"b"});
  const report::InvariantResult result = judge(run);
  EXPECT_EQ(result.violations_total, 1u) << explain(result);
}

TEST(Linearizable, FindsAnAgentWithoutAnEarlierOne) {
  RunStory run;
  run.spawn("a", 1, 3);
  run.spawn("b", 4, 6);
  run.list(2, 8, {"b"});
  EXPECT_THAT(judge(run), FailsOnce("a", "acknowledged before"));
}

TEST(Linearizable, AgentsThatMayHaveEndedMayBeMissing) {
  RunStory run;
  run.spawn("a", 1, 2);
  run.spawn("b", 1, 2);
  run.spawn("c", 1, 2);
  run.kill("a", 3, 4);
  run.fault("session-kill", 3, "b");
  run.death("c", 3, "exit");
  run.spawn("d", 1, 2);
  run.list(5, 6, {"d"});
  EXPECT_THAT(judge(run), Passes());
}

TEST(Linearizable, AgentsOfSpawnsThatNobodyHeardOfSayNothing) {
  RunStory run;
  run.spawn_crashed(1);
  run.list(2, 3, {"x"});
  run.list(4, 5, {});
  run.spawn("a", 6, 7);
  run.list(8, 9, {"a", "x"});
  EXPECT_THAT(judge(run), Passes());
}

TEST(Linearizable, WithoutListsItDoesNotApply) {
  RunStory run;
  run.spawn("a", 1, 2);
  EXPECT_THAT(judge(run), IsNotApplicable());
}

TEST(Linearizable, AListOfAnOtherOrderThanThatOfTheCommitsIsFound) {
  RunStory run;
  run.spawn("a", 1, 9).committed = 1;
  run.spawn("b", 1, 9).committed = 2;
  run.list(2, 8, {"b"});
  EXPECT_THAT(judge(run), FailsOnce("",
                                    "after no commit that it can have been made after: agent "
                                    "b, and not a, whose spawn was committed before."));
}

TEST(Linearizable, IsJudgedWithAllOthersWhereTheOrderOfCommitsWasSeen) {
  RunStory run = good_run();
  const auto judged = [&] { return check_all(run.evidence()).back().id == "linearizable"; };
  EXPECT_FALSE(judged());
  run.raw().operations.front().committed = 1;
  EXPECT_TRUE(judged());
}

TEST(Linearizable, InTheOrderOfCommitsListsMayHavePlacesToo) {
  RunStory run;
  run.spawn("a", 1, 9).committed = 1;
  run.list(2, 8, {"a"}).committed = 2;
  run.spawn("b", 1, 9).committed = 3;
  run.list(2, 8, {"a", "b"}).committed = 4;
  EXPECT_THAT(judge(run), Passes());
  run.list(2, 8, {"a"}).committed = 5;
  EXPECT_THAT(judge(run), FailsOnce("", "committed as number 5"));
}

TEST(Linearizable, SpawnsWithPlacesAreHeldAgainstThemBesideOthersWithout) {
  RunStory run;
  run.spawn("a", 1, 9).committed = 1;
  run.spawn("b", 1, 9).committed = 2;
  run.spawn("c", 1, 9);  // at any time
  run.list(2, 8, {"c"});
  run.list(3, 8, {"a", "c"});
  EXPECT_THAT(judge(run), Passes());
  RunStory contrary;
  contrary.spawn("a", 1, 9).committed = 1;
  contrary.spawn("b", 1, 9).committed = 2;
  contrary.spawn("c", 1, 9);
  contrary.list(2, 8, {"b", "c"});
  EXPECT_THAT(judge(contrary), FailsOnce("", "after no commit"));
}

TEST(Linearizable, WhatListsShowOfEachOtherIsFoundWhereOnlySomeSpawnsHavePlaces) {
  RunStory run;
  run.spawn("a", 1, 9).committed = 1;
  run.spawn("b", 1, 9);
  run.list(2, 8, {"a"});
  run.list(2, 8, {"b"});
  EXPECT_THAT(judge(run), FailsOnce("a", "shows agent a and not b"));
}

TEST(Linearizable, TheSearchAlsoJudgesWhatOperationsEnded) {
  RunStory run;
  run.spawn("a", 1, 2);
  run.spawn("b", 1, 2);
  run.list(3, 4, {"b"});  // a is not killed yet
  run.kill("a", 5, 6);
  run.list(7, 8, {"b"});
  EXPECT_THAT(judge(run), Passes());
  const auto searched = check_linearizable(run.evidence(), linear::Limits{});
  EXPECT_EQ(searched.violations_total, 1u) << explain(searched);
}

TEST(Linearizable, ASearchThatIsOutOfTimeIsUnknown) {
  const linear::Limits over{.deadline = std::chrono::steady_clock::time_point::min()};
  EXPECT_THAT(check_linearizable(good_run().evidence(), over), IsUnknown("out of time"));
}

}  // namespace
}  // namespace stress::testing
