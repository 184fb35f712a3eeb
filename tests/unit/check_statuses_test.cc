// The judge of no-lost-update where the target sets a register by itself: statuses.
#include <gtest/gtest.h>

#include "tests/unit/check_lost_update_support.h"

namespace stress::testing {
namespace {

TEST(NoLostUpdate, TheTargetMovesOnFromStartingAndThroughAKillByItself) {
  RunStory run = one_agent();
  run.spawn("b", 5, 9);
  run.record("b").status = "starting";
  run.snapshot(6, 7);
  run.set("b", "status", "running");
  run.snapshot(10, 11);
  run.kill("b", 12, 16);
  run.set("b", "status", "stopping");
  run.snapshot(13, 14);
  run.set("b", "status", "terminated");
  run.snapshot(17, 18);
  run.update("a", "status", "running", 19, 20);
  run.snapshot(21, 22);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, NamesAStatusThatFellBackToWhatTheSpawnWrote) {
  RunStory run = one_agent();
  run.update("a", "status", "working", 5, 6);
  run.set("a", "status", "working");
  run.snapshot(7, 8);
  run.set("a", "status", "running");
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "lost an update"));
}

TEST(NoLostUpdate, NamesACrashedUpdateThatShowedAndFellBack) {
  RunStory run = one_agent();
  run.update("a", "status", "working", 5, std::nullopt);
  run.set("a", "status", "working");
  run.snapshot(7, 8);
  run.set("a", "status", "running");
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "went back"));
}

TEST(NoLostUpdate, NamesAKilledAgentThatIsActiveAgain) {
  RunStory run = one_agent();
  run.kill("a", 5, 6);
  run.set("a", "status", "terminated");
  run.snapshot(7, 8);
  run.set("a", "status", "running");
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "was killed by operation 2"));
}

TEST(NoLostUpdate, NamesAKillThatIsAcknowledgedWithoutEffect) {
  RunStory run = one_agent();
  run.kill("a", 5, 6);
  run.snapshot(7, 8);
  EXPECT_THAT(judge(run), FailsOnce("a", "was killed by operation 2"));
}

TEST(NoLostUpdate, AnAgentThatCompletedBeforeItsKillStaysCompleted) {
  RunStory run = one_agent();
  run.update("a", "status", "completed", 5, 6);
  run.set("a", "status", "completed");
  run.snapshot(7, 8);
  run.kill("a", 9, 10);
  run.snapshot(11, 12);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, ACrashedKillMayStopHalfway) {
  RunStory run = one_agent();
  run.update("a", "status", "working", 5, 6);
  run.set("a", "status", "working");
  run.kill("a", 7, std::nullopt);
  run.set("a", "status", "stopping");
  run.snapshot(8, 9);
  run.repair("repair", 10, 12);
  run.set("a", "status", "terminated");
  run.snapshot(13, 14);
  EXPECT_THAT(judge(run), Passes());
}

TEST(NoLostUpdate, RepairMayFailAnAgentOrAdoptOneButWritesNothingElse) {
  RunStory run = one_agent();
  run.spawn_crashed(5);
  run.record("x").status = "starting";
  run.snapshot(6, 7);
  run.update("a", "status", "working", 8, 9);
  run.set("a", "status", "working");
  run.snapshot(10, 11);
  run.repair("repair", 12, 15);
  run.set("a", "status", "failed");
  run.set("x", "status", "running");
  run.snapshot(16, 17);
  EXPECT_THAT(judge(run), Passes());
  run.set("x", "message", "repaired");
  run.snapshot(18, 19);
  run.update("a", "message", "op-1", 20, std::nullopt);
  EXPECT_THAT(judge(run), FailsOnce("x", "which nobody wrote"));
}

TEST(NoLostUpdate, NamesAFailedAgentThatComesBackToLifeByItself) {
  RunStory run = one_agent();
  run.repair("repair", 5, 6);
  run.set("a", "status", "failed");
  run.snapshot(7, 8);
  run.set("a", "status", "running");
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), FailsOnce("a", "went back"));
}

TEST(NoLostUpdate, NamesAStatusThatOnlyAnotherAgentWasGiven) {
  RunStory run = one_agent();
  run.spawn("b", 0, 2);
  run.record("b");
  run.snapshot(4, 5);
  run.update("b", "status", "blocked", 6, 7);
  run.set("b", "status", "blocked");
  run.set("a", "status", "blocked");
  run.snapshot(8, 9);
  EXPECT_THAT(judge(run), FailsOnce("a", "wrote to agent b"));
}

TEST(NoLostUpdate, AnAgentOfACrashedSpawnMayStillBecomeRunning) {
  RunStory run;
  run.snapshot(0, 1);
  run.spawn_crashed(2);
  run.record("x").status = "starting";
  run.snapshot(3, 4);
  run.update("x", "status", "working", 5, 6);
  run.set("x", "status", "working");
  run.snapshot(7, 8);
  run.set("x", "status", "running");  // its spawner was not yet dead
  run.snapshot(9, 10);
  EXPECT_THAT(judge(run), Passes());
}

}  // namespace
}  // namespace stress::testing
