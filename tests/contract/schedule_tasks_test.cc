// Goal: who takes part, and who moves, is the same in each repetition: tasks are told by their
// births, nothing moves unless it is let go, and neither clocks nor random bytes make a difference.
// Method: small programs of known steps, run for real.
#include <sched.h>
#include <sys/wait.h>

#include <thread>

#include <gmock/gmock.h>

#include "tests/contract/schedule_fixture.h"

namespace stress {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Ne;
using ::testing::Not;

class ScheduledTasks : public ScheduleTest {};

TEST_F(ScheduledTasks, AProgramTakesItsStepsOneByOne) {
  const Run made = run_by_default({{"A", {"write:f:x", "read:f"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace, ElementsAre("A: start", "A: open or create f", "A: write to f",
                                      "A: open for reading f", "A: read f"));
  EXPECT_EQ(made.codes.at("A"), 0);
}

TEST_F(ScheduledTasks, ChildrenAndThreadsAreToldByTheOrderOfTheirBirths) {
  const Run made = run_by_default(
      {{"A", {"fork",   "fork", "read:1.1", "end",     "wait", "end",       "wait", "fork",
              "read:2", "end",  "thread",   "read:t2", "fork", "read:t2.1", "end",  "wait",
              "end",    "join", "thread",   "read:t3", "end",  "join",      "wait"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace, IsSupersetOf({"A.1.1: open for reading 1.1", "A.2: open for reading 2"}));
}

TEST_F(ScheduledTasks, ThreadsOfOneProcessAreScheduled) {
  const Run made = run_by_default({{"A",
                                    {"thread", "append:f:2", "fork", "append:f:c", "end", "wait",
                                     "end", "thread", "append:f:3", "end", "join"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace,
              IsSupersetOf({"A/2: write to f", "A/2.1: write to f", "A/3: write to f"}));
}

// Births count, not who was met: whether one that does nothing was seen is a matter of luck.
TEST_F(ScheduledTasks, WhoDoesNothingIsCountedToo) {
  for (int i = 0; i < 5; ++i) {
    const Run made = run_by_default(
        {{"A", {"thread", "end", "thread", "end", "thread", "append:f:x", "end", "join"}}});
    EXPECT_EQ(made.end, RunEnd::kDone);
    EXPECT_THAT(made.trace, Contains("A/4: write to f"));
  }
}

TEST_F(ScheduledTasks, WhoWaitsForAnotherIsStillUntilThatOneIsChosen) {
  Choosing child_last([](const Moment& moment) -> std::optional<Decision> {
    for (const Candidate& one : moment.candidates) {
      if (one.task != "A.1") return Decision{Act::kRun, one.task};
    }
    return std::nullopt;
  });
  const Run made = run_anew(
      {{"A", {"pipe", "fork", "append:f:child", "say", "end", "hear", "append:f:parent", "wait"}},
       {"B", {"append:g:1", "append:g:2", "append:g:3"}}},
      child_last);
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_EQ(content("f"), "childparent");
  // B ran to its end while A slept and its child was held.
  EXPECT_THAT(made.trace,
              ElementsAre("A: start", "B: start", "B: open or create g", "B: write to g",
                          "B: open or create g", "B: write to g", "B: open or create g",
                          "B: write to g", "A.1: open or create f", "A.1: write to f",
                          "A: open or create f", "A: write to f"));
}

TEST_F(ScheduledTasks, ASleepIsAStepAndTakesNoTime) {
  const Run made = run_by_default({{"A", {"sleep", "append:f:a", "sleep"}}, {"B", {"append:f:b"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace,
              ElementsAre("A: start", "B: start", "B: open or create f", "B: write to f",
                          "A: sleep", "A: open or create f", "A: write to f", "A: sleep"));
}

// Else a loop that asks and sleeps could be run round and round in the place of whom it waits for.
TEST_F(ScheduledTasks, WhoHasSleptSleepsAgainOnlyAfterSomebodyElseHasMoved) {
  Choosing strategy([](const Moment& moment) -> std::optional<Decision> {
    const bool b_can = is_possible(moment, {Act::kRun, "B"});
    return b_can ? Decision{Act::kRun, "B"} : by_default(moment);
  });
  const Run made = run_anew(
      {{"A", {"read:n", "read:n"}}, {"B", {"sleep", "read:n", "sleep", "read:n", "sleep"}}},
      strategy, {}, {{"n", "0"}});
  EXPECT_THAT(made.trace,
              ElementsAre("B: start", "B: sleep", "B: open for reading n", "B: read n", "A: start",
                          "B: sleep", "B: open for reading n", "B: read n", "A: open for reading n",
                          "B: sleep", "A: read n", "A: open for reading n", "A: read n"));
}

TEST_F(ScheduledTasks, ASleepAmongThreadsIsRealAndWaitedFor) {
  for (int i = 0; i < 5; ++i) {
    const Run made = run_by_default(
        {{"A", {"thread", "nap", "append:f:a", "end", "join"}}, {"B", {"append:f:b"}}});
    EXPECT_EQ(made.end, RunEnd::kDone);
    EXPECT_THAT(made.trace, ElementsAre("A: start", "A/2: open or create f", "A/2: write to f",
                                        "B: start", "B: open or create f", "B: write to f"));
  }
}

// A child's files are closed before it is dead, and its parent may be as quick: Popen.wait() of
// Python with a time limit looks and naps.
TEST_F(ScheduledTasks, WhoNapsWhileAChildIsEndingHasNotSlept) {
  for (int i = 0; i < 5; ++i) {
    const Run made = run_by_default({{"A",
                                      {"pipe", "fork", "linger", "append:f:child", "end",
                                       "hear-end", "look-and-nap", "append:f:parent", "sleep"}}});
    EXPECT_EQ(made.end, RunEnd::kDone);
    EXPECT_THAT(made.trace, ElementsAre("A: start", "A.1: open or create f", "A.1: write to f",
                                        "A: open or create f", "A: write to f", "A: sleep"));
  }
}

TEST_F(ScheduledTasks, WhoNapsUntilAChildEndsSleepsAStepATime) {
  const Run made =
      run_by_default({{"A", {"fork", "append:f:child", "end", "look-and-nap", "append:f:parent"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace, Contains("A: sleep"));
  EXPECT_EQ(content("f"), "childparent");
}

TEST_F(ScheduledTasks, RandomBytesFollowFromTheSeed) {
  const auto bytes = [this](std::uint64_t seed) {
    seed_ = seed;
    EXPECT_EQ(run_by_default({{"A", {"random:a", "fork", "random:c", "end", "wait", "random:a2"}},
                              {"B", {"random:b"}}})
                  .end,
              RunEnd::kDone);
    return std::vector<std::string>{content("a"), content("a2"), content("b"), content("c")};
  };
  const std::vector<std::string> first = bytes(1);
  EXPECT_EQ(first, bytes(1));
  std::set<std::string> different(first.begin(), first.end());
  for (const std::string& other : bytes(2)) different.insert(other);
  EXPECT_EQ(different.size(), 8u);
  EXPECT_FALSE(different.contains(""));
}

TEST_F(ScheduledTasks, ALoopThatWaitsLetsOthersGoOn) {
  const Run made = run_by_default({{"A", {"await:f"}}, {"B", {"append:f:x"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_LT(made.trace.size(), 20u);  // ten looks in a row count as a loop
}

TEST_F(ScheduledTasks, ThreadsGoOnWhereTheMainOneHasEnded) {
  const Run made = run_by_default(
      {{"A", {"thread", "append:f:x", "append:f:y", "end", "leave"}}, {"B", {"append:g:x"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_EQ(content("f"), "xy");
  EXPECT_EQ(content("g"), "x");
}

TEST_F(ScheduledTasks, AThreadThatExecutesAProgramBecomesTheProcess) {
  const Run made = run_by_default(
      {{"A", {"thread", "exec", "append:f:x", "end", "append:g:never", "append:g:never", "join"}},
       {"B", {"append:h:x"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_EQ(content("f"), "x");
  EXPECT_EQ(content("h"), "x");
}

TEST_F(ScheduledTasks, WhoWasKilledBeforeItsCallDoesNotMakeIt) {
  const Run made = run_by_default(
      {{"A", {"fork", "append:f:never", "end", "append:g:x", "kill-child", "append:g:y", "wait"}},
       {"B", {"append:h:x"}}});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_EQ(content("g"), "xy");
  EXPECT_EQ(content("f"), "");
  EXPECT_THAT(made.trace, Not(Contains("A.1: open or create f")));
}

/// Keeps the first processor busy.
class Busy {
 public:
  Busy()
      : thread_([](const std::stop_token& stop) {
          cpu_set_t one;
          CPU_ZERO(&one);
          CPU_SET(0, &one);
          sched_setaffinity(0, sizeof one, &one);
          while (!stop.stop_requested()) continue;
        }) {}

 private:
  std::jthread thread_;
};

// As one does whose timer rings while it waits for its turn: it is told once its call is made.
TEST_F(ScheduledTasks, WhoIsSignalledAtItsCallStandsThere) {
  Choosing strategy([this](const Moment& moment) -> std::optional<Decision> {
    const auto at = std::ranges::find(moment.candidates, "A", &Candidate::task);
    if (at == moment.candidates.end() || at->key != "open or create f") {
      return Decision{Act::kRun, "A"};
    }
    ::kill(arena_->tasks().by_label("A")->pid, SIGUSR1);
    return Decision{Act::kRun, "B"};  // after whose end is looked for who was told of it
  });
  const Run made =
      run_anew({{"A", {"count", "append:f:x", "say-count:g"}}, {"B", {"append:h:x"}}}, strategy);
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_EQ(content("f"), "x");
  EXPECT_THAT(content("g"), AllOf(Ne("0"), Ne("")));
}

// By a signal that nobody was seen to send, as of a terminal that hangs up; and it takes its time.
TEST_F(ScheduledTasks, WhoIsDyingAtItsCallIsNoCandidate) {
  const Busy busy;
  for (int i = 0; i < 5; ++i) {
    const Run made = run_by_default(
        {{"A",
          {"fork", "die-after", "give-way", "append:f:never", "end", "append:g:x", "append:g:y"}},
         {"B", {"append:h:x"}}});
    EXPECT_EQ(made.end, RunEnd::kDone);
    EXPECT_EQ(content("g"), "xy");
    EXPECT_THAT(made.trace, Contains("B: write to h"));
    EXPECT_THAT(made.trace, Not(Contains("A.1: open or create f")));
  }
}

/// Kills A once its child stands before its call.
Choosing kill_a(Act act) {
  return Choosing([act](const Moment& moment) -> std::optional<Decision> {
    if (!moment.mortals.empty() && moment.mortals[0].has_descendants) return Decision{act, "A"};
    return std::nullopt;
  });
}

TEST_F(ScheduledTasks, AProcessThatIsKilledAloneLeavesItsChildren) {
  Choosing strategy = kill_a(Act::kCrash);
  const Run made = run_anew({{"A", {"fork", "append:f:x", "end", "append:g:never", "wait"}}},
                            strategy, {.crashes_max = 1});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace,
              ElementsAre("A: start", "crash: A", "A.1: open or create f", "A.1: write to f"));
  EXPECT_EQ(content("f"), "x");
  EXPECT_EQ(content("g"), "");
}

TEST_F(ScheduledTasks, DescendantsDieWithItWhereThatIsChosen) {
  Choosing strategy = kill_a(Act::kCrashWithDescendants);
  const Run made = run_anew({{"A", {"fork", "append:f:never", "end", "append:g:never", "wait"}}},
                            strategy, {.crashes_max = 1});
  EXPECT_EQ(made.end, RunEnd::kDone);
  EXPECT_THAT(made.trace, ElementsAre("A: start", "crash-with-descendants: A"));
  EXPECT_EQ(content("f"), "");
}

}  // namespace
}  // namespace stress
