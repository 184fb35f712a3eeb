// Goal: who waits for a lock is seen to wait, a deadlock is told with its cycle, and the dead hold
// nothing. Method: small programs with locks of each kind, run for real.
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include <gmock/gmock.h>

#include "tests/contract/schedule_fixture.h"

namespace stress {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using namespace std::chrono_literals;

class ScheduledLocks : public ScheduleTest {
 protected:
  static Words locked_increment(const std::string& way) {
    return {way + ":lock", "increment:n", "unlock:lock"};
  }
};

TEST_F(ScheduledLocks, WhoWaitsIsNoCandidateUntilItIsFree) {
  for (const char* way : {"flock", "fcntl", "ofd"}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      RandomWalk walk(seed, 0);
      const Run made = run_anew({{"A", locked_increment(way)}, {"B", locked_increment(way)}}, walk,
                                {}, {{"n", "0"}});
      EXPECT_EQ(made.end, RunEnd::kDone) << way << " " << seed;
      EXPECT_EQ(content("n"), "2");
      std::string holder;
      for (std::size_t i = 0; i < made.decisions.size(); ++i) {
        for (const Candidate& one : made.moments[i].candidates) {
          EXPECT_FALSE(one.key == "lock lock" && !holder.empty()) << one.task << " " << holder;
        }
        if (made.trace[i] == made.decisions[i].who + ": lock lock") holder = made.decisions[i].who;
        if (made.trace[i] == made.decisions[i].who + ": unlock lock") holder.clear();
      }
    }
  }
}

/// Each takes its own lock first, then the other's.
Choosing by_turns() {
  return Choosing([](const Moment& moment) -> std::optional<Decision> {
    return Decision{Act::kRun, moment.step % 2 == 0 ? "A" : "B"};
  });
}

TEST_F(ScheduledLocks, ADeadlockIsToldWithItsCycle) {
  Choosing strategy = by_turns();
  const Run made = run_anew({{"A", {"flock:x", "flock:y"}}, {"B", {"flock:y", "flock:x"}}},
                            strategy, {.stuck_after = 400ms});
  EXPECT_EQ(made.end, RunEnd::kStuck);
  EXPECT_THAT(made.deadlock,
              ElementsAre("A waits for y, which B holds", "B waits for x, which A holds"));
}

// The kernel sees a cycle of fcntl's locks and refuses the last one, which is left to it.
TEST_F(ScheduledLocks, ADeadlockThatTheKernelRefusesEndsAsItDoesWithoutAScheduler) {
  for (int i = 0; i < 3; ++i) {
    Choosing strategy = by_turns();
    const Run made = run_anew({{"A", {"fcntl:x", "fcntl:y"}}, {"B", {"fcntl:y", "fcntl:x"}}},
                              strategy, {.stuck_after = 5000ms});
    EXPECT_EQ(made.end, RunEnd::kDone);
    EXPECT_EQ(made.codes.at("A"), 0);
    EXPECT_EQ(made.codes.at("B"), EDEADLK);
  }
}

/// B has y first; then A comes to its end, or waits.
Choosing y_for_b_then_a() {
  return Choosing([](const Moment& moment) -> std::optional<Decision> {
    for (const Candidate& one : moment.candidates) {
      if (one.task == "B" && (one.key == "start" || one.key.ends_with(" y"))) {
        return Decision{Act::kRun, "B"};
      }
    }
    return Decision{Act::kRun, moment.candidates.front().task};
  });
}

// As a shell does it: (flock 8; ...) 8>x. The lock is its open file's, which outlives who asked.
TEST_F(ScheduledLocks, ALockThatADeadChildHasTakenIsHeldByWhoHasItsDescriptor) {
  for (const char* way : {"flock:x", "ofd:x"}) {
    Choosing strategy = y_for_b_then_a();
    const Run made = run_anew(
        {{"A", {"open:x", "fork", way, "end", "wait", "flock:y"}}, {"B", {"flock:y", way}}},
        strategy, {.stuck_after = 400ms});
    EXPECT_EQ(made.end, RunEnd::kStuck);
    EXPECT_THAT(made.deadlock,
                ElementsAre("A waits for y, which B holds", "B waits for x, which A holds"));
  }
}

TEST_F(ScheduledLocks, ALockThatItsTakerHasClosedIsHeldByTheChildThatHasItStill) {
  Choosing strategy = y_for_b_then_a();
  const Run made = run_anew({{"A", {"flock:x", "fork", "pause", "end", "close:x", "flock:y"}},
                             {"B", {"flock:y", "flock:x"}}},
                            strategy, {.stuck_after = 400ms});
  EXPECT_EQ(made.end, RunEnd::kStuck);
  EXPECT_THAT(made.deadlock, ElementsAre("A waits for y, which B holds",
                                         "A.1 (schedule_helper) sleeps, and nobody wakes it",
                                         "B waits for x, which A.1 holds"));
}

// Killed before, it leaves the lock to its child, which has the descriptor too.
TEST_F(ScheduledLocks, ALockThatIsReleasedForOthersTooLeavesATrace) {
  for (const bool shared : {false, true}) {
    Words words = {"open:x", "fork", "append:f:x", "end", "flock:x", "unlock:x", "append:n:y"};
    if (!shared) words.erase(words.begin() + 1, words.begin() + 4);
    Choosing strategy([](const Moment&) { return Decision{Act::kRun, "A"}; });
    const Run made = run_anew({{"A", words}}, strategy, {.crashes_max = 1});
    const auto unlock = std::ranges::find(made.trace, "A: unlock x") - made.trace.begin();
    ASSERT_LT(unlock + 1, std::ssize(made.moments));
    EXPECT_EQ(made.moments[static_cast<std::size_t>(unlock) + 1].traceless_once_dead, !shared);
  }
}

TEST_F(ScheduledLocks, WhatADeadChildHasTakenIsHeldUntilItIsUnlocked) {
  const Run made = run_by_default(
      {{"A", {"open:x", "fork", "flock:x", "end", "wait", "append:n:1", "unlock:x", "read:n"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  std::vector<std::string> held;
  for (std::size_t i = 0; i < made.trace.size(); ++i) {
    if (made.locks_held[i]) held.push_back(made.trace[i]);
  }
  EXPECT_THAT(held, ElementsAre("A.1: lock x", "A: open or create n", "A: write to n"));
}

TEST_F(ScheduledLocks, ALockThatSomebodyOutsideHoldsIsWaitedFor) {
  const base::UniqueFd x(open((folder_ / "x").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(x.get(), LOCK_EX), 0);
  FollowPrefix by_default({});
  const Run made = run({{"A", {"flock:x"}}}, by_default, {.stuck_after = 300ms});
  EXPECT_EQ(made.end, RunEnd::kStuck);
  EXPECT_THAT(made.deadlock,
              ElementsAre("A waits for x, which somebody outside of the schedule holds"));
}

TEST_F(ScheduledLocks, ALockThatSomebodyHasTakenBeforeTheScheduleIsWaitedFor) {
  launch("earlier", {"flock:x", "write:taken:1", "pause"});
  arena_->free_all();
  while (content("taken").empty()) std::this_thread::yield();
  arena_->settle_servers();
  FollowPrefix by_default({});
  const Run made = run({{"A", {"flock:x"}}}, by_default, {.stuck_after = 300ms});
  EXPECT_EQ(made.end, RunEnd::kStuck);
  EXPECT_THAT(made.deadlock, Contains("A waits for x, which earlier holds"));
}

TEST_F(ScheduledLocks, LocksOfTheDeadAreFree) {
  for (const char* way : {"flock", "fcntl", "ofd"}) {
    Choosing strategy([](const Moment& moment) -> std::optional<Decision> {
      for (const Candidate& one : moment.candidates) {
        if (one.key == "open for reading n") return Decision{Act::kCrash, one.task};
      }
      return Decision{Act::kRun, moment.step % 2 == 0 ? "A" : "B"};
    });
    const Run made = run_anew({{"A", locked_increment(way)}, {"B", locked_increment(way)}},
                              strategy, {.crashes_max = 1}, {{"n", "0"}});
    EXPECT_EQ(made.end, RunEnd::kDone) << way;
    EXPECT_EQ(content("n"), "1");
    EXPECT_EQ(made.codes.size(), 1u);
  }
}

}  // namespace
}  // namespace stress
