// The judges of what stands in snapshots and whose it is: registry-readable, unique-ids,
// acked-present. Each with correct evidence, a planted bug that it must name, and too little
// evidence.
#include <gtest/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

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

}  // namespace
}  // namespace stress::testing
