// Goal: who waits in a loop is known for it, and lets everybody else go on before he does so once
// more. Method: steps that are made up.
#include "harness/schedule/waiting_loops.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

const WaitingLoops::Labels kAll = {"A", "B", "C"};

class WaitingLoopsTest : public ::testing::Test {
 protected:
  void look(const std::string& task, int times) {
    for (int i = 0; i < times; ++i) loops_.moved(task, "look", loops_.loops(task, "look"), kAll);
  }
  void sleep(const std::string& task) { loops_.moved(task, "sleep", true, kAll); }
  void work(const std::string& task) { loops_.moved(task, "write", false, kAll); }

  WaitingLoops loops_{3};
};

TEST_F(WaitingLoopsTest, TheSameCallAgainAndAgainIsALoop) {
  look("A", 2);
  EXPECT_FALSE(loops_.loops("A", "look"));
  look("A", 1);
  EXPECT_TRUE(loops_.loops("A", "look"));
  EXPECT_FALSE(loops_.loops("A", "write"));
  EXPECT_FALSE(loops_.loops("B", "look"));
}

TEST_F(WaitingLoopsTest, ItIsNoneWhereSomebodyElseHasMovedBetween) {
  look("A", 2);
  work("B");
  look("A", 2);
  EXPECT_FALSE(loops_.loops("A", "look"));
  look("A", 1);
  work("A");
  EXPECT_FALSE(loops_.loops("A", "look"));
}

TEST_F(WaitingLoopsTest, WhoHasSleptLetsAllOthersGoOnWhoCan) {
  EXPECT_FALSE(loops_.gives_way("A", kAll));
  sleep("A");
  look("A", 1);
  EXPECT_TRUE(loops_.gives_way("A", {"A", "B", "C"}));
  EXPECT_FALSE(loops_.gives_way("A", {"A"}));
  work("B");
  EXPECT_FALSE(loops_.gives_way("A", {"A", "B"}));
  EXPECT_TRUE(loops_.gives_way("A", {"A", "C"}));
  work("C");
  EXPECT_FALSE(loops_.gives_way("A", kAll));
}

TEST_F(WaitingLoopsTest, WhoHasComeSinceIsNotWaitedFor) {
  loops_.moved("A", "sleep", true, {"A", "B"});
  EXPECT_FALSE(loops_.gives_way("A", {"C"}));
}

TEST_F(WaitingLoopsTest, WhoAsksAgainAndAgainDoesSoOnceMoreIfNobodyElseMoves) {
  look("A", 3);
  EXPECT_FALSE(loops_.gives_way("A", kAll));
  look("A", 1);
  EXPECT_TRUE(loops_.gives_way("A", kAll));
}

TEST_F(WaitingLoopsTest, TwoWhoAskInTurnsBothLetAThirdGoOn) {
  look("A", 3);
  look("B", 3);
  EXPECT_TRUE(loops_.loops("A", "look")) << "C has not moved";
  EXPECT_TRUE(loops_.gives_way("A", kAll));
  look("B", 1);
  EXPECT_TRUE(loops_.gives_way("B", kAll));
  work("C");
  EXPECT_FALSE(loops_.loops("A", "look"));
  EXPECT_FALSE(loops_.gives_way("A", kAll));
}

TEST_F(WaitingLoopsTest, WhoHasAskedOftenAndThenDoneSomethingElseIsInNoLoop) {
  look("A", 3);
  work("B");
  work("A");
  EXPECT_FALSE(loops_.gives_way("A", kAll)) << "its first sleep";
  sleep("A");
  look("A", 3);
  EXPECT_TRUE(loops_.gives_way("A", kAll)) << "its second";
}

TEST_F(WaitingLoopsTest, NobodyGivesWayOnceSomethingHasChangedFromOutside) {
  sleep("A");
  look("B", 3);
  loops_.disturbed();
  EXPECT_FALSE(loops_.gives_way("A", kAll));
  EXPECT_FALSE(loops_.loops("B", "look"));
}

TEST_F(WaitingLoopsTest, TheStateTellsWhatMattersForWhatComesNext) {
  const auto after = [&](const std::string& call, bool yields) {
    return loops_.after(1, "A", call, yields, kAll);
  };
  EXPECT_EQ(after("write", false), after("append", false)) << "nothing is to be remembered";
  EXPECT_NE(after("sleep", true), after("write", false));
  look("A", 1);
  EXPECT_NE(after("look", false), after("write", false));
  sleep("B");
  const std::uint64_t before_both = after("write", false);
  work("C");
  EXPECT_NE(after("write", false), before_both) << "B waits for one less";
}

}  // namespace
}  // namespace stress
