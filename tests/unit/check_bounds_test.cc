// The judges of numbers: counts-match, limits-hold, no-duplicates. Each with correct evidence, a
// planted bug that it must name, and too little evidence.
#include <gtest/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

// --- counts-match ---

TEST(CountsMatch, NamesAWrongCountOnceWithTheAgentThatChanged) {
  const auto shift = [](std::optional<std::int64_t> StoredCounts::* count) {
    RunStory run = good_run();
    run.set("a", "status", "blocked");
    --*(run.snapshot(60, 61).counts.*count);
    run.set("e", "status", "blocked");
    --*(run.snapshot(62, 63).counts.*count);
    return check_counts_match(run.evidence());
  };
  EXPECT_THAT(shift(&StoredCounts::total), FailsOnce("a", "stores 4 total but 5 stand"));
  EXPECT_THAT(shift(&StoredCounts::active), FailsOnce("a", "stores 2 active but 3 stand"));
  EXPECT_THAT(shift(&StoredCounts::completed), FailsOnce("a", "stores -1 completed but 0 stand"));
}

TEST(CountsMatch, NamesAWrongCountOfOneTask) {
  RunStory run = good_run();
  run.record("x").task = "U";
  ++*run.snapshot(60, 61).counts_by_task["U"].active;
  EXPECT_THAT(check_counts_match(run.evidence()), FailsOnce("x", "Task U stores 2 active but 1"));
}

TEST(CountsMatch, ATaskWithoutAgentsMustCountZero) {
  RunStory run = good_run();
  run.snapshot(60, 61).counts_by_task["empty"] = {1, 0, 0};
  EXPECT_THAT(check_counts_match(run.evidence()), FailsOnce("", "Task empty stores 1 total but 0"));
}

TEST(CountsMatch, TheTotalOfThoseThatEverWereIsNotRecounted) {
  RunStory run = good_run();
  run.target().removes_records = true;
  run.remove("b");
  ++*run.snapshot(60, 61).counts.total;
  EXPECT_THAT(check_counts_match(run.evidence()), Passes());
}

TEST(CountsMatch, IsNotApplicableOrUnknownWithoutCounts) {
  RunStory run;
  run.record("a");
  Snapshot& snapshot = run.snapshot(0, 1);
  snapshot.counts = {};
  snapshot.counts_by_task.clear();
  EXPECT_THAT(check_counts_match(run.evidence()), IsUnknown("nothing to check"));
  run.raw().run.engine = "schedule";  // one of many: others have counts
  EXPECT_THAT(check_counts_match(run.evidence()), IsNotApplicable());
  run.target().has_counts = false;
  EXPECT_THAT(check_counts_match(run.evidence()), IsNotApplicable());
}

// --- limits-hold ---

TEST(LimitsHold, NamesTheAgentThatWasOneTooMany) {
  RunStory run = good_run();
  run.target().max_concurrent = 5;
  run.record("y");
  run.record("z");
  run.snapshot(60, 61);
  EXPECT_THAT(check_limits_hold(run.evidence()), Passes());
  run.record("zz");
  run.snapshot(62, 63);
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("zz", "6 active agents"));
}

TEST(LimitsHold, NamesTooManyAdmittedAndTooDeep) {
  RunStory run = good_run();
  run.target().max_agents = 4;
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("e", "5 admitted agents"));
  run.target().max_agents = 5;
  run.target().max_depth = 1;
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("e", "at depth 2"));
}

TEST(LimitsHold, LivingAgentsCountFromBirthUntilSomethingMayEndThem) {
  RunStory run = good_run();  // a, b, c, d live; b's kill begins before e is born
  run.target().max_concurrent = 4;
  EXPECT_THAT(check_limits_hold(run.evidence()), Passes());
  run.birth("f", 35, 1006);
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("f", "5 living agents"));
}

TEST(LimitsHold, AnAgentBeingKilledIsNoLongerCounted) {
  RunStory run;
  run.target().max_concurrent = 1;
  run.spawn("a", 0, 2);
  run.birth("a", 1);
  run.kill("a", 3, 9);
  run.spawn("b", 4, 6);
  run.birth("b", 5);
  run.death("a", 8, "SIGHUP");
  run.set("a", "status", "terminated");
  run.record("b");
  run.quiet(10);
  EXPECT_THAT(check_limits_hold(run.evidence()), Passes());
  run.spawn("c", 20, 22);
  run.birth("c", 21);
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("c", "2 living agents"));
}

TEST(LimitsHold, ALimitKeptOnlyAtRestIsJudgedOnlyAtRest) {
  RunStory run;
  run.target().limits_always = false;
  run.target().max_concurrent = 1;
  run.record("a");
  run.record("b");
  run.birth("a", 1);
  run.birth("b", 2);
  run.snapshot(3, 4);
  run.set("b", "status", "failed");
  run.quiet(10);
  EXPECT_THAT(check_limits_hold(run.evidence()), Passes());
  run.raw().quiescence->living_agents["b"] = {1002};
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("", "2 living agents"));
}

TEST(LimitsHold, LimitsOfATaskAreCountedByTask) {
  RunStory run = good_run();
  run.target().max_concurrent = 4;
  run.target().limits_per_task = true;
  run.record("x").task = "U";
  run.record("y").task = "U";
  run.snapshot(60, 61);
  EXPECT_THAT(check_limits_hold(run.evidence()), Passes());
  run.target().limits_per_task = false;
  EXPECT_THAT(check_limits_hold(run.evidence()), FailsOnce("y", "5 active agents"));
}

TEST(LimitsHold, IsNotApplicableWithoutLimits) {
  EXPECT_THAT(check_limits_hold(good_run().evidence()), IsNotApplicable());
}

// --- no-duplicates ---

RunStory unique_types() {
  RunStory run;
  run.target().promises_no_duplicates = true;
  run.spawn("a", 0, 1);
  run.record("a");
  run.snapshot(2, 3);
  run.kill("a", 4, 5);
  run.set("a", "status", "terminated");
  run.spawn("b", 6, 7);
  run.record("b");
  run.snapshot(8, 9);
  run.record("c").type = "reviewer";
  run.quiet(10);
  return run;
}

TEST(NoDuplicates, OneAfterTheOtherOrOfAnotherTypeIsNone) {
  EXPECT_THAT(check_no_duplicates(unique_types().evidence()), Passes());
}

TEST(NoDuplicates, NamesTwoActiveRecordsOfOneType) {
  RunStory run = unique_types();
  run.record("d").type = "reviewer";
  run.snapshot(30, 31);
  EXPECT_THAT(check_no_duplicates(run.evidence()), FailsOnce("c", "c, d are active at once"));
}

TEST(NoDuplicates, NamesTwoLivingSessionsOfOneType) {
  RunStory run = unique_types();
  run.raw().quiescence->sessions.push_back({"agent_b_again", "b", true, 77, true});
  EXPECT_THAT(check_no_duplicates(run.evidence()), FailsOnce("b", "agent_b, agent_b_again live"));
}

TEST(NoDuplicates, ADeadOrForeignSessionIsNoDuplicate) {
  RunStory run = unique_types();
  run.raw().quiescence->sessions.push_back({"agent_b_old", "b", true, 77, false});
  run.raw().quiescence->sessions.push_back({"agent_b_foreign", "b", false, 78, true});
  EXPECT_THAT(check_no_duplicates(run.evidence()), Passes());
}

TEST(NoDuplicates, IsUnknownWithoutQuiescenceAndNotApplicableWithoutPromise) {
  RunStory run = unique_types();
  run.raw().quiescence->reached = false;
  run.raw().quiescence->why_not = "an agent kept being born";
  EXPECT_THAT(check_no_duplicates(run.evidence()), IsUnknown("kept being born"));
  run.target().promises_no_duplicates = false;
  EXPECT_THAT(check_no_duplicates(run.evidence()), IsNotApplicable());
}

}  // namespace
}  // namespace stress::testing
