// The judges of snapshots: registry-readable, unique-ids, acked-present, counts-match, limits-hold,
// no-duplicates. Each with correct evidence, a planted bug that it must name, and too little
// evidence.
#include <gtest/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

TEST(AllInvariants, PassOnACorrectRunWithCrashesKillsAndRepairs) {
  RunStory run = good_run();
  run.target().promises_no_duplicates = true;
  run.target().max_concurrent = 5;
  run.target().max_agents = 5;
  run.target().max_depth = 2;
  // Not twice one type at a time.
  Evidence evidence = run.evidence();
  for (Snapshot& snapshot : evidence.snapshots) {
    for (ObservedAgent& agent : snapshot.changed) agent.type = "type-" + agent.id;
  }
  const auto results = check_all(evidence);
  ASSERT_EQ(results.size(), 15u);
  for (const auto& result : results) EXPECT_THAT(result, Passes());
  EXPECT_EQ(overall(evidence, results), report::Verdict::kPass);
  EXPECT_EQ(why_unknown(evidence, results), "");
}

TEST(AllInvariants, SayNothingGoodOfARunWithoutEvidence) {
  Evidence nothing;
  nothing.run.target = RunStory().target();
  nothing.run.target.max_concurrent = 1;
  nothing.run.target.promises_no_duplicates = true;
  for (const bool finished : {false, true}) {
    nothing.finished = finished;
    for (const auto& result : check_all(nothing)) {
      if (finished && result.id == "clean-exit") continue;  // then the search was made
      EXPECT_EQ(result.verdict, report::Verdict::kUnknown) << explain(result);
    }
    EXPECT_EQ(overall(nothing, check_all(nothing)), report::Verdict::kUnknown);
  }
}

TEST(AllInvariants, DoNotPassOnAnUnfinishedRun) {
  Evidence evidence = good_run().evidence();
  evidence.finished = false;
  for (const auto& result : check_all(evidence)) {
    EXPECT_NE(result.verdict, report::Verdict::kPass) << explain(result);
    EXPECT_NE(result.verdict, report::Verdict::kFail) << explain(result);
  }
  EXPECT_EQ(why_unknown(evidence, check_all(evidence)), "the run did not come to its planned end");
}

TEST(AllInvariants, TroubleOfTheHarnessMakesARunUnknownButHidesNoViolation) {
  RunStory run = good_run();
  run.raw().troubles.push_back({"the recorder was full"});
  EXPECT_EQ(overall(run.evidence(), check_all(run.evidence())), report::Verdict::kUnknown);
  EXPECT_NE(why_unknown(run.evidence(), check_all(run.evidence())).find("recorder"),
            std::string::npos);
  run.raw().leftovers.push_back({"process", "pid 7"});
  EXPECT_EQ(overall(run.evidence(), check_all(run.evidence())), report::Verdict::kFail);
}

TEST(AllInvariants, TellAViolationWithOperationsFaultAndRecord) {
  RunStory run = good_run();
  run.remove("a");
  run.snapshot(60, 61, Phase::kFinal);
  const auto result = check_acked_present(run.evidence());
  ASSERT_THAT(result, FailsOnce("a", "is missing"));
  const report::Violation& violation = result.violations.front();
  ASSERT_FALSE(violation.operations.empty());
  EXPECT_NE(violation.operations.front().find("p1.t1  spawn #1 ok  a T worker"), std::string::npos)
      << violation.operations.front();
  EXPECT_NE(violation.fault.find("session-kill c"), std::string::npos) << violation.fault;
  EXPECT_NE(violation.registry_before.find("\"status\": \"working\""), std::string::npos);
  EXPECT_EQ(violation.registry_after, "(absent)");
}

// --- registry-readable ---

TEST(RegistryReadable, NamesATornRegistryOnceWithItsBytes) {
  RunStory run = good_run();
  run.damaged(45, 46, "parse error at byte 512").excerpt = "{\"agents\": [{\"id\": \"a";
  run.damaged(47, 48, "parse error at byte 512");
  const auto result = check_registry_readable(run.evidence());
  ASSERT_THAT(result, FailsOnce("", "parse error at byte 512"));
  EXPECT_EQ(result.violations.front().registry_after, "{\"agents\": [{\"id\": \"a");
}

TEST(RegistryReadable, AnAbsentFileIsAViolation) {
  RunStory run = good_run();
  run.damaged(45, 46, "").absent = true;
  EXPECT_THAT(check_registry_readable(run.evidence()), FailsOnce("", "absent"));
}

TEST(RegistryReadable, DamageByTheHarnessCountsOnlyAfterARepair) {
  RunStory run = good_run();
  run.damaged(60, 61, "torn by us").harness_damaged = true;
  run.damaged(62, 63, "torn by us");
  EXPECT_THAT(check_registry_readable(run.evidence()), IsUnknown("no repair succeeded"));
  run.repair("repair", 64, 65).ok = false;
  run.damaged(66, 67, "torn by us");
  EXPECT_THAT(check_registry_readable(run.evidence()), IsUnknown("no repair succeeded"));
  run.repair("repair", 68, 69);
  run.snapshot(70, 71, Phase::kFinal);
  EXPECT_THAT(check_registry_readable(run.evidence()), Passes());
  run.damaged(72, 73, "torn again");
  EXPECT_THAT(check_registry_readable(run.evidence()), FailsOnce("", "torn again"));
}

TEST(RegistryReadable, WhatASuccessfulRepairLeavesDamagedIsTheTargetsOwn) {
  RunStory run = good_run();
  run.fault("registry-damage", 59);
  run.damaged(60, 61, "torn by us").harness_damaged = true;
  EXPECT_THAT(check_registry_readable(run.evidence()), IsUnknown("no repair succeeded"));
  run.repair("repair", 64, 65);
  run.damaged(66, 67, "torn by us").harness_damaged = true;  // as the observer takes it for
  EXPECT_THAT(check_registry_readable(run.evidence()), FailsOnce("", "torn by us"));
}

TEST(RegistryReadable, TheTimeBeforeSetupIsNotJudged) {
  RunStory run = good_run();
  Snapshot early;
  early.phase = Phase::kSetup;
  early.readable = false;
  early.absent = true;
  run.raw().snapshots.insert(run.raw().snapshots.begin(), early);
  EXPECT_THAT(check_registry_readable(run.evidence()), Passes());
}

// --- unique-ids ---

TEST(UniqueIds, NamesAnIdGivenToTwoSpawns) {
  RunStory run = good_run();
  run.spawn("a", 44, 45);
  EXPECT_THAT(check_unique_ids(run.evidence()), FailsOnce("a", "acknowledged to two spawns"));
}

TEST(UniqueIds, AnIdempotentSpawnMayRepeatItselfButNotForAnotherType) {
  RunStory run = good_run();
  run.target().idempotent_spawn = true;
  run.spawn("a", 44, 45);
  EXPECT_THAT(check_unique_ids(run.evidence()), Passes());
  run.spawn("a", 46, 47).type = "reviewer";
  EXPECT_THAT(check_unique_ids(run.evidence()), FailsOnce("a", "acknowledged to two spawns"));
}

/// A good run with one request made twice, answered with `first` and with `second`.
RunStory requested_twice(const std::string& first, const std::string& second) {
  RunStory run = good_run();
  const std::uint64_t id = run.spawn(first, 44, 46).id;
  run.spawn(second, 45, 47).duplicate_of = id;
  return run;
}

TEST(UniqueIds, ARequestThatIsMadeTwiceHasOneAnswerWhereThatIsPromised) {
  RunStory run = requested_twice("x", "x");
  run.target().idempotent_spawn = true;
  EXPECT_THAT(check_unique_ids(run.evidence()), Passes());
  RunStory flawed = requested_twice("x", "y");
  flawed.target().idempotent_spawn = true;
  EXPECT_THAT(check_unique_ids(flawed.evidence()), FailsOnce("x", "acknowledged with two ids"));
}

TEST(UniqueIds, WithoutThatPromiseARequestThatIsMadeTwiceMakesTwoAgents) {
  EXPECT_THAT(check_unique_ids(requested_twice("x", "y").evidence()), Passes());
  EXPECT_THAT(check_unique_ids(requested_twice("x", "x").evidence()),
              FailsOnce("x", "acknowledged to two spawns"));
}

TEST(UniqueIds, AnAgentThatMayHaveEndedIsNotAnsweredWithAgain) {
  RunStory run = requested_twice("x", "y");
  run.target().idempotent_spawn = true;
  run.kill("x", 44, 45);
  EXPECT_THAT(check_unique_ids(run.evidence()), Passes());
}

TEST(UniqueIds, NamesAnIdThatStandsTwiceInOneSnapshot) {
  RunStory run = good_run();
  run.snapshot(60, 61).duplicate_ids = {"d"};
  run.snapshot(62, 63).duplicate_ids = {"d"};
  EXPECT_THAT(check_unique_ids(run.evidence()), FailsOnce("d", "more than once"));
}

TEST(UniqueIds, NamesTwoRecordsWithOneSession) {
  RunStory run = good_run();
  run.record("e").session = "agent_a";
  run.snapshot(60, 61);
  EXPECT_THAT(check_unique_ids(run.evidence()), FailsOnce("e", "both have the session"));
}

TEST(UniqueIds, SessionsMayBeExchangedBetweenTwoSnapshots) {
  RunStory run = good_run();
  std::swap(run.record("a").session, run.record("e").session);
  run.snapshot(60, 61);
  EXPECT_THAT(check_unique_ids(run.evidence()), Passes());
}

TEST(UniqueIds, NamesAnAgentThatChangesItsIdentity) {
  const auto change = [](std::string ObservedAgent::* field) {
    RunStory run = good_run();
    run.record("a").*field = "other";
    run.snapshot(60, 61);
    return check_unique_ids(run.evidence());
  };
  EXPECT_THAT(change(&ObservedAgent::task), FailsOnce("a", "changed its task"));
  EXPECT_THAT(change(&ObservedAgent::type), FailsOnce("a", "changed its type"));
  EXPECT_THAT(change(&ObservedAgent::created), FailsOnce("a", "changed its time of creation"));
}

TEST(UniqueIds, RemembersAnIdentityWhileTheRecordIsAway) {
  RunStory run = good_run();
  run.remove("d");
  run.snapshot(60, 61);
  run.record("d").created = "2025-01-01T00:00:00Z";
  run.snapshot(62, 63);
  EXPECT_THAT(check_unique_ids(run.evidence()), FailsOnce("d", "changed its time of creation"));
}

TEST(UniqueIds, AValueThatComesLaterIsNoChange) {
  RunStory run;
  run.spawn("a", 0, 1);
  run.record("a").created = "";
  run.snapshot(2, 3);
  run.record("a").created = "2024-01-01T00:00:00Z";
  run.snapshot(4, 5);
  EXPECT_THAT(check_unique_ids(run.evidence()), Passes());
}

// --- acked-present ---

TEST(AckedPresent, NamesAnAcknowledgedAgentThatNeverStood) {
  RunStory run = good_run();
  run.spawn("ghost", 44, 45);
  EXPECT_THAT(check_acked_present(run.evidence()), FailsOnce("ghost", "is missing"));
}

TEST(AckedPresent, NamesAnAgentThatVanishedForOneSnapshotOnly) {
  RunStory run = good_run();
  run.remove("e");
  run.snapshot(60, 61);
  run.record("e");
  run.snapshot(62, 63);
  EXPECT_THAT(check_acked_present(run.evidence()), FailsOnce("e", "is missing"));
}

TEST(AckedPresent, ASnapshotThatBeganBeforeTheReplyNeedNotShowTheAgent) {
  RunStory run = good_run();
  run.snapshot(60, 70);
  run.spawn("late", 55, 60);
  run.record("late");
  run.snapshot(71, 72);
  EXPECT_THAT(check_acked_present(run.evidence()), Passes());
}

TEST(AckedPresent, NamesAnAgentMissingInAList) {
  RunStory run = good_run();
  run.list(44, 45, {"a", "b", "c"});
  EXPECT_THAT(check_acked_present(run.evidence()), FailsOnce("e", "in the reply of operation"));
}

TEST(AckedPresent, AListMayLeaveOutWhatWasBegunLaterOrHasEnded) {
  RunStory run = good_run();
  run.list(35, 45, {"a", "c", "a", "stranger"});  // b was killed, e was not yet acknowledged
  EXPECT_THAT(check_acked_present(run.evidence()), Passes());
}

TEST(AckedPresent, ATargetThatRemovesRecordsMayRemoveOnlyWhatHasEnded) {
  RunStory run = good_run();
  run.target().removes_records = true;
  run.remove("b");
  run.remove("c");
  run.snapshot(60, 61);
  EXPECT_THAT(check_acked_present(run.evidence()), Passes());
  run.remove("a");
  run.snapshot(62, 63);
  EXPECT_THAT(check_acked_present(run.evidence()), FailsOnce("a", "is missing"));
}

TEST(AckedPresent, WhatTheHarnessDamagedMayBeLostButNothingAfterIt) {
  RunStory run = good_run();
  run.fault("registry-damage", 60);
  run.remove("e");
  run.snapshot(62, 63);
  EXPECT_THAT(check_acked_present(run.evidence()), Passes());
  run.spawn("later", 64, 65);
  run.snapshot(66, 67);
  EXPECT_THAT(check_acked_present(run.evidence()), FailsOnce("later", "is missing"));
}

TEST(AckedPresent, IsUnknownWithoutASnapshotAfterTheSpawns) {
  RunStory run;
  run.snapshot(0, 1);
  run.spawn("a", 2, 3);
  run.list(4, 5, {"a"});
  EXPECT_THAT(check_acked_present(run.evidence()), IsUnknown("no snapshot after 1 acknowledged"));
}

TEST(AckedPresent, IsNotApplicableWhereNothingDurableIsPromised) {
  RunStory run = good_run();
  run.target().promises_durable = false;
  run.spawn("ghost", 44, 45);
  EXPECT_THAT(check_acked_present(run.evidence()), IsNotApplicable());
}

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
