// Goal: what counts as a choice, as a preemption, and what is done where nothing is chosen.
#include "harness/schedule/moment.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

/// A, B (asleep) and C could go on; A runs alone in its operation, B has a child.
Moment three() {
  Moment moment;
  moment.candidates = {{"A", "A", "A", "read x", 1, false},
                       {"B", "B", "B", "sleep", 2, true},
                       {"C", "C", "C", "read x", 3, false}};
  moment.mortals = {{.operation = "A", .standing = 1, .state = 4},
                    {.operation = "B", .has_descendants = true, .standing = 2, .state = 5}};
  return moment;
}

const Decision kRunA{Act::kRun, "A"};
const Decision kRunC{Act::kRun, "C"};

TEST(Moment, WhoRanLastGoesOnByDefault) {
  Moment moment = three();
  moment.last = 2;
  moment.turn = "C";
  EXPECT_EQ(by_default(moment), kRunC);
}

TEST(Moment, ElseTheFirstByLabelThatDoesNotYield) {
  Moment moment = three();
  EXPECT_EQ(by_default(moment), kRunA);
  moment.candidates[0].yields = true;
  EXPECT_EQ(by_default(moment), kRunC);
  moment.candidates[2].yields = true;
  EXPECT_EQ(by_default(moment), kRunA);
}

TEST(Moment, TakingAnotherThanTheLastIsAPreemption) {
  Moment moment = three();
  moment.last = 0;
  moment.turn = "A";
  EXPECT_TRUE(is_preemption(moment, kRunC));
  EXPECT_FALSE(is_preemption(moment, kRunA));
}

TEST(Moment, NobodyIsPreemptedWhereTheLastCannotGoOn) {
  EXPECT_FALSE(is_preemption(three(), kRunC));
}

// C has ended, or waits, and a child of its could go on.
TEST(Moment, AnOperationHasItsTurnForAsLongAsAnyOfItCouldGoOn) {
  Moment moment = three();
  moment.candidates[2] = {"C.1", "C", "C", "read x", 3, false};
  moment.candidates.push_back({"C.2", "C", "C", "read x", 4, false});
  moment.turn = "C";
  EXPECT_EQ(by_default(moment), (Decision{Act::kRun, "C.1"}));
  EXPECT_FALSE(is_preemption(moment, {Act::kRun, "C.1"}));
  EXPECT_FALSE(is_preemption(moment, {Act::kRun, "C.2"}));
  EXPECT_TRUE(is_preemption(moment, kRunA));
  moment.last = 2;
  EXPECT_TRUE(is_preemption(moment, {Act::kRun, "C.2"}));
}

TEST(Moment, ADeathIsNoPreemption) {
  Moment moment = three();
  moment.last = 0;
  moment.turn = "A";
  EXPECT_FALSE(is_preemption(moment, {Act::kCrash, "B"}));
  EXPECT_FALSE(is_preemption(moment, {Act::kCrashWithDescendants, "B"}));
}

TEST(Moment, OnlyCandidatesRunAndOnlyMortalsDie) {
  const Moment moment = three();
  EXPECT_TRUE(is_possible(moment, kRunC));
  EXPECT_FALSE(is_possible(moment, {Act::kRun, "D"}));
  EXPECT_TRUE(is_possible(moment, {Act::kCrash, "A"}));
  EXPECT_FALSE(is_possible(moment, {Act::kCrash, "C"}));
}

TEST(Moment, DescendantsDieOnlyWhereThereAreSome) {
  const Moment moment = three();
  EXPECT_TRUE(is_possible(moment, {Act::kCrashWithDescendants, "B"}));
  EXPECT_FALSE(is_possible(moment, {Act::kCrashWithDescendants, "A"}));
}

}  // namespace
}  // namespace stress
