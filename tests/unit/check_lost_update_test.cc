// The judge of no-lost-update: registers with concurrent, crashed and overwritten writes; versions.
#include <gtest/gtest.h>

#include "tests/unit/check_lost_update_support.h"

namespace stress::testing {
namespace {

TEST(NoLostUpdate, PassesWhatWasWrittenInOrder) {
  RunStory run = one_agent();
  run.update("a", "message", "op-1", 5, 6);
  run.set("a", "message", "op-1");
  run.snapshot(7, 8);
  run.update("a", "message", "op-2", 9, 10);
  run.set("a", "message", "op-2");
  run.snapshot(11, 12);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, NamesAnAcknowledgedWriteThatNeverShowed) {
  RunStory run = one_agent();
  run.update("a", "message", "op-1", 5, 6);
  run.snapshot(7, 8);  // the record does not change: that is the bug
  EXPECT_THAT(judge(run),
              FailsOnce("a", "lost an update: operation 2 (update by p1.t1) set message"));
}

TEST(NoLostUpdate, NamesAWriteOverwrittenByAnOlderImage) {
  RunStory run = one_agent();
  run.update("a", "message", "op-1", 5, 6);
  run.set("a", "message", "op-1");
  run.snapshot(7, 8);
  run.update("a", "message", "op-2", 9, 10);
  run.set("a", "message", "op-2");
  run.snapshot(11, 12);
  run.set("a", "message", "op-1");
  run.snapshot(13, 14);
  const auto result = judge(run);
  EXPECT_THAT(result, FailsOnce("a", "lost an update"));
  EXPECT_NE(result.violations.front().registry_before.find("op-2"), std::string::npos);
  EXPECT_NE(result.violations.front().registry_after.find("op-1"), std::string::npos);
}

TEST(NoLostUpdate, NamesALossThatALaterWriteHides) {
  RunStory run = one_agent();
  run.update("a", "progress", "10", 5, 6);
  run.set("a", "progress", "10");
  run.snapshot(7, 8);
  run.update("a", "progress", "20", 9, 10);
  run.snapshot(11, 12);  // 20 is lost here …
  run.update("a", "progress", "10", 13, 14);
  run.snapshot(15, 16);  // … and nobody could tell any more
  EXPECT_THAT(judge(run), FailsOnce("a", "set progress to \"20\""));
}

TEST(NoLostUpdate, ConcurrentWritesMayEndInEitherOrder) {
  for (const char* last : {"op-1", "op-2"}) {
    RunStory run = one_agent();
    run.update("a", "message", "op-1", 5, 20);
    run.update("a", "message", "op-2", 6, 19);
    run.set("a", "message", last);
    run.snapshot(21, 22);
    EXPECT_THAT(judge(run), Passes()) << last;
  }
}

TEST(NoLostUpdate, ConcurrentWritesMayNotAlternate) {
  RunStory run = one_agent();  // its beginning is known
  run.update("a", "message", "op-1", 5, 50);
  run.update("a", "message", "op-2", 6, 50);
  std::int64_t now = 10;
  for (const char* value : {"op-1", "op-2", "op-1"}) {
    run.set("a", "message", value);
    run.snapshot(now, now + 1);
    now += 10;
  }
  EXPECT_THAT(judge(run), FailsOnce("a", "no order of its operations explains"));
}

TEST(NoLostUpdate, ACrashedWriteMayShowLateOrNever) {
  RunStory run = one_agent();
  run.update("a", "message", "late", 5, std::nullopt);
  run.update("a", "message", "never", 5, std::nullopt);
  run.update("a", "message", "op-3", 6, 7);
  run.set("a", "message", "op-3");
  run.snapshot(8, 9);
  run.set("a", "message", "late");  // its process was not yet dead
  run.snapshot(10, 11);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, ACrashedWriteTakesEffectOnceOnly) {
  RunStory run = one_agent();
  run.update("a", "message", "crashed", 5, std::nullopt);
  run.set("a", "message", "crashed");
  run.snapshot(6, 7);
  run.update("a", "message", "op-3", 8, 9);
  run.set("a", "message", "op-3");
  run.snapshot(10, 11);
  run.set("a", "message", "crashed");
  run.snapshot(12, 13);
  EXPECT_THAT(judge(run), FailsOnce("a", "no order of its operations explains"));
}

TEST(NoLostUpdate, ACrashedWriteTakesNoEffectAfterItsDeath) {
  for (const int died : {7, 8}) {
    RunStory run = one_agent();
    run.update("a", "message", "late", 5, std::nullopt).died = RunStory::ms(died);
    run.update("a", "message", "op-3", 8, 9);
    run.set("a", "message", "late");
    run.snapshot(10, 11);
    if (died < 8) {
      EXPECT_THAT(judge(run), FailsOnce("a", "lost an update"));
    } else {
      EXPECT_THAT(judge(run), Passes()) << "it may have come after the other";
    }
  }
}

TEST(NoLostUpdate, AnInfoWithAReplyEndsWithIt) {
  RunStory run = one_agent();
  run.update("a", "message", "failed", 5, 6).outcome = OpOutcome::kInfo;
  run.update("a", "message", "op-3", 7, 8);
  run.set("a", "message", "failed");
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "lost an update"));
}

TEST(NoLostUpdate, ARefusedWriteMustNotShow) {
  RunStory run = one_agent();
  run.update("a", "message", "refused", 5, 6).outcome = OpOutcome::kRefused;
  run.set("a", "message", "refused");
  run.snapshot(7, 8);
  EXPECT_THAT(judge(run), FailsOnce("a", "which nobody wrote"));
}

TEST(NoLostUpdate, NamesAValueFromNowhereAndOneFromAnotherAgent) {
  RunStory run = one_agent();
  run.set("a", "message", "op-");
  run.snapshot(5, 6);
  EXPECT_THAT(judge(run), Passes()) << "a field that no operation writes is no register";
  run.update("a", "message", "op-1", 7, std::nullopt);
  EXPECT_THAT(judge(run), FailsOnce("a", "which nobody wrote"));
  run = one_agent();
  run.spawn("b", 0, 2);
  run.record("b");
  run.update("b", "message", "op-3", 5, 6);
  run.set("b", "message", "op-3");
  run.set("a", "message", "op-3");
  run.snapshot(7, 8);
  EXPECT_THAT(judge(run), FailsOnce("a", "wrote to agent b"));
}

TEST(NoLostUpdate, AMessageOfTheFutureIsNoBeginning) {
  RunStory run;
  run.spawn("a", 0, 2);
  run.set("a", "message", "op-2");
  run.snapshot(3, 4);
  run.update("a", "message", "op-2", 5, 6);
  run.snapshot(7, 8);
  EXPECT_THAT(judge(run), FailsOnce("a", "before operation 2"));
}

TEST(NoLostUpdate, AnotherAgentsMessageIsNoBeginning) {
  RunStory run;
  run.spawn("a", 0, 2);
  run.update("a", "message", "op-2", 3, 4);
  run.spawn("b", 5, 7);
  run.set("a", "message", "op-2");
  run.set("b", "message", "op-2");
  run.snapshot(8, 9);
  EXPECT_THAT(judge(run), FailsOnce("b", "wrote to agent a"));
}

TEST(NoLostUpdate, ABeginningMayEqualWhatAnotherAgentWasGiven) {
  RunStory run;
  run.spawn("a", 0, 2);
  run.update("a", "progress", "0", 3, 4);
  run.spawn("b", 5, 7);
  run.set("a", "progress", "0");
  run.set("b", "progress", "0");
  run.snapshot(8, 9);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, NamesAValueReadBeforeItWasWritten) {
  RunStory run = one_agent();
  run.set("a", "message", "op-1");
  run.snapshot(5, 6);
  run.update("a", "message", "op-1", 7, 8);
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "before operation 2"));
}

TEST(NoLostUpdate, AnUnknownBeginningMayEqualACrashedWrite) {
  RunStory run;
  run.spawn("a", 0, 2);
  run.update("a", "progress", "0", 4, std::nullopt);
  run.update("a", "progress", "1", 4, std::nullopt);
  for (const char* value : {"0", "1", "0"}) {  // begun with, crashed, crashed
    const std::int64_t now = 5 + 10 * static_cast<std::int64_t>(run.raw().snapshots.size());
    run.record("a").fields["progress"] = value;
    run.snapshot(now, now + 1);
  }
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, AFieldThatNoRecordShowsIsNotJudged) {
  RunStory run;
  run.spawn("a", 0, 2);
  run.record("a");
  run.snapshot(3, 4);
  run.update("a", "message", "op-1", 5, 6);
  run.snapshot(7, 8);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, AFieldThatDisappearsIsLost) {
  RunStory run = one_agent();
  run.update("a", "message", "op-1", 5, 6);
  run.record("a").fields.erase("message");
  run.snapshot(7, 8);
  EXPECT_THAT(judge(run), FailsOnce("a", "lost an update"));
}

// --- versions, damage, evidence ---

TEST(NoLostUpdate, NamesAVersionOrGenerationThatFalls) {
  RunStory run = one_agent();
  run.record("a").version = 9;
  run.snapshot(5, 6);
  run.record("a").version = 8;
  run.snapshot(7, 8);
  run.record("a").version = 7;
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "its version fell from 9"));
  run = one_agent();
  run.snapshot(5, 6).generation = 40;
  run.snapshot(7, 8).generation = 39;
  EXPECT_THAT(judge(run), FailsOnce("", "generation fell from 40"));
}

TEST(NoLostUpdate, OverlappingReadsMaySeeVersionsInEitherOrder) {
  RunStory run = one_agent();
  run.record("a").version = 9;
  run.snapshot(5, 8).generation = 40;
  run.record("a").version = 8;
  run.snapshot(7, 10).generation = 39;
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, ABackupAfterDamageByTheHarnessMayBringBackTheOld) {
  RunStory run = one_agent();
  run.update("a", "message", "op-1", 5, 6);
  run.set("a", "message", "op-1");
  run.snapshot(7, 8);
  run.update("a", "message", "op-2", 9, 10);
  run.fault("registry-damage", 11);
  run.record("a").version = 1;
  run.snapshot(13, 14);
  EXPECT_THAT(judge(run), Passes());
  run.update("a", "message", "op-3", 15, 16);
  run.snapshot(17, 18);
  EXPECT_THAT(judge(run), FailsOnce("a", "set message to \"op-3\""));
}

TEST(NoLostUpdate, ARemovedAgentIsNoReadOfItsFields) {
  RunStory run = one_agent();
  run.remove("a");
  run.snapshot(5, 6);
  run.update("a", "message", "op-1", 7, 8);
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, IsUnknownWithoutSnapshots) {
  RunStory run;
  run.spawn("a", 0, 2);
  run.update("a", "message", "op-1", 5, 6);
  EXPECT_THAT(judge(run), IsUnknown("no snapshot"));
}

}  // namespace
}  // namespace stress::testing
