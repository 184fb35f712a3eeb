// Goal: what a bounded search leaves out, and what it must not, case by case. Method: small
// programs run in memory, and moments that are made up where no program in memory has them; a plain
// enumeration of all schedules says what is reachable with how many preemptions and deaths.
#include "harness/schedule/search.h"

#include <gtest/gtest.h>

#include "harness/schedule/meetings.h"
#include "tests/unit/bounded_search.h"

namespace stress::testing {
namespace {

using Kind = SimCall::Kind;

constexpr int kUnbounded = 1000;

SimProgram writers(bool of_one_thing) {
  SimProgram program;
  for (int i = 0; i < 3; ++i) {
    const std::string label(1, static_cast<char>('A' + i));
    const int object = of_one_thing ? 0 : i;
    program.push_back({label, label, {{Kind::kRead, object}, {Kind::kWrite, object}}});
  }
  return program;
}

TEST(Search, IndependentStepsAreNotTriedInAllOrders) {
  const SimProgram program = writers(false);
  const Enumeration all(program, {kUnbounded, 0});
  EXPECT_EQ(all.schedules(), 1680u);  // 9! / 3!^3
  const Found found = search(program, {-1, 0});
  EXPECT_EQ(found.outcomes, all.outcomes({kUnbounded, 0}));
  EXPECT_EQ(found.outcomes.size(), 1u);
  EXPECT_LE(found.runs, 1680u / 10);
  EXPECT_GT(found.pruned, 0u);
}

TEST(Search, WithoutABoundAllOutcomesOfConflictsAreFound) {
  const SimProgram program = writers(true);
  const Found found = search(program, {-1, 0});
  const Enumeration all(program, {kUnbounded, 0});
  EXPECT_EQ(found.outcomes, all.outcomes({kUnbounded, 0}));
  EXPECT_GT(found.outcomes.size(), 6u);
  EXPECT_LT(found.runs, all.schedules());
}

TEST(Search, TheCheapestSchedulesComeFirst) {
  const Found found = search(writers(true), {2, 1});
  ASSERT_GT(found.costs.size(), 10u);
  int before = 0;
  for (const Bound& cost : found.costs) {
    EXPECT_GE(cost.preemptions + cost.crashes, before);
    before = cost.preemptions + cost.crashes;
  }
  EXPECT_EQ(before, 3);
}

TEST(Search, ALostUpdateTakesOnePreemption) {
  SimProgram program = writers(true);
  program.pop_back();
  EXPECT_EQ(search(program, {0, 0}).outcomes.size(), 2u);  // one after the other
  EXPECT_GT(search(program, {1, 0}).outcomes.size(), 2u);
}

// Each of the two finds that the other has moved, again and again.
TEST(Search, TwoWhoAskInTurnsDoNotKeepAThirdFromItsWork) {
  const SimProgram program = {{"A", "A", {{Kind::kAwait, 0}}},
                              {"AA", "AA", {{Kind::kAwait, 0}}},
                              {"B", "B", {{Kind::kWrite, 1}, {Kind::kWrite, 0}}}};
  const Found found = search(program, {0, 0});
  EXPECT_EQ(found.outcomes, Enumeration(program, {0, 0}).outcomes({0, 0}));
  EXPECT_FALSE(found.outcomes.contains(0)) << "a run was cut";
}

// The child lives on where its maker alone is killed, which no later step must make be forgotten.
TEST(Search, TheDeathOfAProcessAloneIsNotTakenForThatOfAll) {
  const SimProgram program = {{"A", "A", {{Kind::kRead, 0}, {Kind::kTry, 1}, {Kind::kRead, 0}}},
                              {"A.1", "A", {{Kind::kLock, 1}}},
                              {"B", "B", {{Kind::kTry, 1}}}};
  const Enumeration all(program, {0, 1});
  EXPECT_EQ(search(program, {0, 1}).outcomes, all.outcomes({0, 1}));
}

// Locks are released by close too, which is no event: then the order of events does not tell
// whether a lock was had.
TEST(Search, ATryThatFailsIsAnotherThanOneThatSucceeds) {
  const SimProgram program = {
      {"A", "A", {{Kind::kLock, 0}, {Kind::kClose, 0}, {Kind::kRead, 1}}},
      {"B", "B", {{Kind::kTry, 0}, {Kind::kRead, 0}, {Kind::kWrite, 1}, {Kind::kWrite, 1}}}};
  const Enumeration all(program, {kUnbounded, 0});
  EXPECT_EQ(search(program, {-1, 0}).outcomes, all.outcomes({kUnbounded, 0}));
}

// An earlier death would let a waiter go on, so that running others in his place costs more; or
// would let a child go on at once, before the others' steps.
TEST(Search, ADeathIsNotMovedToWhereItLetsOthersGoOn) {
  const SimProgram waiter = {{"A", "A", {{Kind::kTry, 0}, {Kind::kWrite, 1}, {Kind::kLock, 0}}},
                             {"AA", "AA", {{Kind::kLock, 0}, {Kind::kRead, 0}}},
                             {"B", "B", {{Kind::kWrite, 1}, {Kind::kLock, 0}}}};
  EXPECT_EQ(search(waiter, {1, 1}).outcomes, Enumeration(waiter, {1, 1}).outcomes({1, 1}));
  const SimProgram child = {{"A", "A", {{Kind::kRead, 0}, {Kind::kRead, 0}, {Kind::kWrite, 0}}},
                            {"A.1", "A", {{Kind::kLock, 0}, {Kind::kRead, 0}}},
                            {"B", "B", {{Kind::kLock, 0}, {Kind::kRead, 0}}}};
  EXPECT_EQ(search(child, {1, 1}, {.children_at_once = true}).outcomes,
            Enumeration(child, {1, 1}, {.children_at_once = true}).outcomes({1, 1}));
}

// A's child goes on at once and then waits for B, which sees what it wrote, asks whether A lives,
// and only then A is killed where it stands: there is no choice before the child's last step.
TEST(Search, NobodyIsTakenToStandBeforeWhatGoesOnAtOnce) {
  const SimProgram program = {
      {"A", "A", {{Kind::kWrite, 2}, {Kind::kRead, 2}}},
      {"A.1", "A", {{Kind::kWrite, 3}, {Kind::kRead, 3}, {Kind::kLock, 0}}},
      {"B", "B", {{Kind::kLock, 0}, {Kind::kRead, 3}, {Kind::kAsk, 0}, {Kind::kUnlock, 0}}}};
  const Simulation::Setting setting{.children_at_once = true};
  EXPECT_EQ(search(program, {2, 1}, setting).outcomes,
            Enumeration(program, {2, 1}, setting).outcomes({2, 1}));
}

// Else who is killed after a step of another's leaves others free to go on than who is killed
// before it: here C instead of A's child, as A has ended.
TEST(Search, ADeathIsNoSwitchWhoeverRanLast) {
  const SimProgram program = {{"A", "A", {{Kind::kTry, 1}}},
                              {"A.1", "A", {{Kind::kLookAndClose, 0}}},
                              {"B", "B", {{Kind::kTry, 1}, {Kind::kClose, 0}}},
                              {"C", "C", {{Kind::kLock, 1}}}};
  EXPECT_EQ(search(program, {1, 1}).outcomes, Enumeration(program, {1, 1}).outcomes({1, 1}));
  const SimProgram last = {{"A", "A", {{Kind::kLock, 1}, {Kind::kRead, 1}, {Kind::kRead, 1}}},
                           {"A.1", "A", {{Kind::kWrite, 1}}},
                           {"A.2", "A", {{Kind::kRead, 1}, {Kind::kTry, 1}}},
                           {"B", "B", {{Kind::kWrite, 1}}}};
  EXPECT_EQ(search(last, {1, 1}).outcomes, Enumeration(last, {1, 1}).outcomes({1, 1}));
}

// A looks at nothing; A.1 does, and lives on when A dies.
TEST(Search, WhatAChildSawLastIsNoReasonToStopItsMakerEarlier) {
  const SimProgram program = {{"A", "A", {{Kind::kWrite, 1}, {Kind::kRead, 1}}},
                              {"A.1", "A", {{Kind::kTry, 1}, {Kind::kRead, 0}, {Kind::kLock, 1}}},
                              {"B", "B", {{Kind::kLock, 1}, {Kind::kWrite, 0}, {Kind::kAsk, 0}}}};
  EXPECT_EQ(search(program, {3, 1}).outcomes, Enumeration(program, {3, 1}).outcomes({3, 1}));
}

// It would see something else after an earlier death.
TEST(Search, ADeathOfAMakerAloneIsNotMovedBeforeWhatItsChildHasSeen) {
  const SimProgram program = {{"A", "A", {{Kind::kRead, 0}, {Kind::kRead, 0}}},
                              {"A.1", "A", {{Kind::kAsk, 0}, {Kind::kAsk, 0}}},
                              {"B", "B", {}}};
  const Bound bound{1, 1};
  EXPECT_EQ(search(program, bound).outcomes, Enumeration(program, bound).outcomes(bound));
}

// A could be preempted by B before a call that races with nobody's; it may still be killed there.
TEST(Search, WhoStandsIsKilledLaterThereOnlyWhereThatMakesADifference) {
  Moment begin;
  begin.candidates = {{.task = "A", .operation = "A", .turn = "A", .key = "start", .state = 1},
                      {.task = "B", .operation = "B", .turn = "B", .key = "start", .state = 2}};
  const auto open_after = [&begin](const Mortal& mortal,
                                   const std::unordered_set<std::uint64_t>& met) {
    Moment later = begin;
    later.step = 1;
    later.last = 0;
    later.turn = "A";
    later.candidates[0] = {
        .task = "A", .operation = "A", .turn = "A", .key = "write 0", .state = 3};
    later.candidates[1].state = 4;
    later.mortals = {mortal};
    Search search(1, 1);
    EXPECT_TRUE(search.next());
    search.explored(0, {begin, later}, {{Act::kRun, "A"}, {Act::kRun, "A"}}, met);
    return search.open();
  };
  const Mortal alone{.operation = "A", .standing = 1, .state = 5};
  const std::size_t without = open_after(alone, {});
  Mortal heard = alone;
  heard.is_heard = true;
  Mortal sharer = alone;
  sharer.shares_files = true;
  Mortal many = alone;
  many.standing = 2;
  Mortal holder = alone;
  holder.locks = {1};
  for (const Mortal& mortal : {heard, sharer, many, holder}) {
    EXPECT_EQ(open_after(mortal, {}), without + 1);
  }
  EXPECT_EQ(open_after(alone, {meeting_id("A", "write 0")}), without + 1);
  EXPECT_EQ(open_after(alone, {life_meeting_id("A")}), without + 1);
  EXPECT_EQ(open_after(alone, {life_meeting_id(kAnybody)}), without + 1);
  EXPECT_EQ(open_after(alone, {life_meeting_id("B")}), without);
}

// As it may have told somebody of its last step, and then closed the way by which it did.
TEST(Search, WhoCouldBeHeardBeforeItsLastStepIsKilledAfterIt) {
  for (const bool is_heard : {false, true}) {
    Moment before;
    before.candidates = {{.task = "A", .operation = "A", .turn = "A", .key = "read 0", .state = 1}};
    before.mortals = {{.operation = "A", .is_heard = is_heard, .standing = 1, .state = 2}};
    Moment after = before;
    after.step = 1;
    after.last = 0;
    after.turn = "A";
    after.traceless = after.traceless_once_dead = true;
    after.candidates[0].state = 3;
    after.mortals = {{.operation = "A", .standing = 1, .state = 4}};
    Search search(0, 1);
    EXPECT_TRUE(search.next());
    search.explored(0, {before, after}, {{Act::kRun, "A"}, {Act::kRun, "A"}}, {});
    EXPECT_EQ(search.open(), is_heard ? 2u : 1u);
  }
}

// An earlier death would let one child go on at once before another does.
TEST(Search, ADeathIsNotMovedBeforeWhatGoesOnWhileAnotherChildWaits) {
  const SimProgram program = {{"A", "A", {}},
                              {"A.1", "A", {{Kind::kLock, 1}, {Kind::kAdd, 0}}},
                              {"A.2", "A", {{Kind::kWrite, 0}}},
                              {"B", "B", {{Kind::kTry, 1}, {Kind::kClose, 1}}}};
  EXPECT_EQ(search(program, {1, 1}, {.children_at_once = true}).outcomes,
            Enumeration(program, {1, 1}, {.children_at_once = true}).outcomes({1, 1}));
}

// B finds A's lock held if A, who shares it, ends after A.1, which has taken it.
TEST(Search, ItMattersWhenAFileIsClosedThatIsShared) {
  const Simulation::Setting setting{.shared_files = true};
  for (const Kind kind : {Kind::kWrite, Kind::kLookAndClose}) {
    const SimProgram program = {{"A", "A", {{kind, 0}, {Kind::kRead, 2}}},
                                {"A.1", "A", {{Kind::kLock, 0}, {Kind::kWrite, 1}}},
                                {"B", "B", {{Kind::kRead, 1}, {Kind::kTry, 0}}}};
    EXPECT_EQ(search(program, {2, 0}, setting).outcomes,
              Enumeration(program, {2, 0}, setting).outcomes({2, 0}));
  }
}

TEST(Search, NothingIsTriedThatCostsMoreThanAllowed) {
  for (const Bound& cost : search(writers(true), {1, 0}).costs) {
    EXPECT_LE(cost.preemptions, 1);
    EXPECT_EQ(cost.crashes, 0);
  }
}

}  // namespace
}  // namespace stress::testing
