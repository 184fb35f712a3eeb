// Goal: strategies choose by seed alone, find what they promise to find, and repeat what was
// recorded or say where they could not. Method: made-up moments, and small programs that run in
// memory, with planted bugs.
#include "harness/schedule/strategies.h"

#include <functional>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "harness/schedule/step.h"
#include "tests/unit/simulated_run.h"

namespace stress::testing {
namespace {

using ::testing::HasSubstr;
using Kind = SimCall::Kind;

Decision run(const std::string& who) { return {Act::kRun, who}; }

Candidate candidate(const std::string& who, bool yields = false) {
  return {who, who, who, "call of " + who, 0, yields};
}

Moment moment_of(std::uint64_t step, std::vector<Candidate> candidates) {
  Moment moment;
  moment.step = step;
  moment.candidates = std::move(candidates);
  return moment;
}

/// Each with so many calls that do not concern the others, the start not counted; no two alike in a
/// row, which would be a loop that waits.
SimProgram independent(int tasks, int calls) {
  SimProgram program;
  for (int i = 0; i < tasks; ++i) {
    const std::string label(1, static_cast<char>('A' + i));
    program.push_back({label, label, {}});
    for (int j = 0; j < calls; ++j) program.back().calls.push_back({Kind::kWrite, i + j % 2 * 3});
  }
  return program;
}

std::string order_of(const SimRun& run) {
  std::string order;
  for (const Decision& decision : run.decisions) order += decision.who;
  return order;
}

TEST(RandomWalk, TheSameSeedMakesTheSameChoices) {
  const SimProgram program = independent(3, 5);
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    RandomWalk one(seed, 10);
    RandomWalk other(seed, 10);
    const std::string order = order_of(simulate(program, one, {.crashes_max = 1}));
    EXPECT_EQ(order, order_of(simulate(program, other, {.crashes_max = 1})));
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 50u);
}

TEST(RandomWalk, WhoeverIsNotChosenMakesNoDifference) {
  const std::vector<Candidate> all = {candidate("A"), candidate("B"), candidate("C")};
  for (std::uint64_t step = 0; step < 100; ++step) {
    RandomWalk walk(7, 10);
    const Decision chosen = *walk.choose(moment_of(step, all));
    for (const Candidate& other : all) {
      if (other.task == chosen.who) continue;
      std::vector<Candidate> fewer = all;
      std::erase(fewer, other);
      EXPECT_EQ(walk.choose(moment_of(step, fewer)), chosen);
    }
  }
}

TEST(RandomWalk, AllAreChosenAboutEquallyOften) {
  std::map<std::string, int> counts;
  RandomWalk walk(1, 10);
  for (std::uint64_t step = 0; step < 3000; ++step) {
    ++counts[walk.choose(moment_of(step, {candidate("A"), candidate("B"), candidate("C")}))->who];
  }
  for (const char* who : {"A", "B", "C"}) EXPECT_NEAR(counts[who], 1000, 150) << who;
}

TEST(RandomWalk, SomebodyDiesAboutOnceInTheRangeWhereThatIsAllowed) {
  Moment moment = moment_of(0, {candidate("A"), candidate("B")});
  RandomWalk walk(1, 20);
  int deaths = 0;
  std::set<std::pair<Act, std::string>> ways;
  for (; moment.step < 4000; ++moment.step) {
    moment.mortals = {{"A", false, 0}, {"B", true, 0}};
    const Decision decision = *walk.choose(moment);
    EXPECT_TRUE(is_possible(moment, decision));
    if (decision.act == Act::kRun) continue;
    ++deaths;
    ways.emplace(decision.act, decision.who);
    moment.mortals.clear();
    EXPECT_EQ(walk.choose(moment)->act, Act::kRun);
  }
  EXPECT_NEAR(deaths, 200, 60);
  EXPECT_EQ(ways.size(), 3u);
  RandomWalk immortal(1, 0);
  moment.mortals = {{"A", false, 0}};
  EXPECT_EQ(immortal.choose(moment)->act, Act::kRun);
}

/// How often in a row one task went on while another took its place: switches between living tasks.
int switches(const SimRun& run) {
  int count = 0;
  for (std::size_t i = 0; i < run.decisions.size(); ++i) {
    if (is_preemption(run.moments[i], run.decisions[i])) ++count;
  }
  return count;
}

TEST(Pct, ASwitchFromALivingTaskHappensAtChangePointsOnly) {
  const SimProgram program = independent(3, 9);  // 30 steps
  for (int depth = 1; depth <= 5; ++depth) {
    int most = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      Pct pct(seed, depth, 30);
      most = std::max(most, switches(simulate(program, pct)));
    }
    EXPECT_EQ(most, depth - 1);
  }
}

TEST(Pct, ChangePointsLieAllOverTheRangeAndNotBehindIt) {
  const SimProgram program = independent(2, 19);  // 40 steps
  std::set<std::size_t> places;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Pct pct(seed, 2, 15);
    const SimRun made = simulate(program, pct);
    for (std::size_t i = 0; i < made.decisions.size(); ++i) {
      if (is_preemption(made.moments[i], made.decisions[i])) places.insert(i);
    }
  }
  // After the first step at the earliest, after the fifteenth at the latest.
  EXPECT_EQ(places.size(), 15u);
  EXPECT_EQ(*places.begin(), 1u);
  EXPECT_EQ(*places.rbegin(), 15u);
}

/// How many of the seeds below `seeds` make an order of steps that `is_bug` accepts.
int found(const SimProgram& program, int depth, int seeds,
          const std::function<bool(const std::string&)>& is_bug) {
  int count = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    std::uint64_t steps = 0;
    for (const SimTask& task : program) steps += task.calls.size() + 1;
    Pct pct(static_cast<std::uint64_t>(seed), depth, steps);
    if (is_bug(order_of(simulate(program, pct)))) ++count;
  }
  return count;
}

// n = 2 tasks of k = 6 steps in all; the update is lost where both read before one writes. Both
// initial orders allow it, with one change point of the six: 1/6, which is twice the guarantee.
TEST(Pct, FindsALostUpdateAsOftenAsItGuarantees) {
  constexpr int kSeeds = 6000;
  const int count = found(independent(2, 2), 2, kSeeds, [](const std::string& order) {
    return order == "AABBBA" || order == "BBAAAB";
  });
  EXPECT_GE(count, kSeeds / (2 * 6));
  EXPECT_NEAR(count, kSeeds / 6.0, 150);  // five times the standard deviation
}

// Three orderings, each the other way round: exactly one initial order and one pair of change
// points out of 36 give it, so that it is found as seldom as the guarantee allows.
TEST(Pct, FindsABugOfDepthThreeAsOftenAsItGuarantees) {
  constexpr int kSeeds = 14400;
  const int expected = kSeeds / (2 * 6 * 6);  // 1/(n k^2)
  const int count = found(independent(2, 2), 3, kSeeds,
                          [](const std::string& order) { return order == "AABBAB"; });
  EXPECT_GE(count, expected - 70);  // five times the standard deviation
}

// C stands before its last step first, B after it, and yet B is to go on first: who was held back
// later is not always the one to be held back longer.
TEST(Pct, WhomItHeldBackComeInAnyOrder) {
  const SimProgram program = independent(3, 1);
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Pct pct(seed, 3, 6);
    orders.insert(order_of(simulate(program, pct)));
  }
  EXPECT_TRUE(orders.contains("CBAABC"));
  EXPECT_TRUE(orders.contains("CBAACB"));
}

TEST(Pct, WhoYieldsFallsBelowAllOthers) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Pct pct(seed, 1, 10);
    const Decision first = *pct.choose(moment_of(0, {candidate("A"), candidate("B")}));
    const std::string other = first.who == "A" ? "B" : "A";
    EXPECT_EQ(pct.choose(moment_of(1, {candidate(first.who, true), candidate(other)}))->who, other);
    EXPECT_EQ(pct.choose(moment_of(2, {candidate("A"), candidate("B")}))->who, other);
    EXPECT_EQ(pct.choose(moment_of(3, {candidate(first.who)}))->who, first.who);
  }
}

TEST(Pct, KillsOnceAtMostWhereItMay) {
  const SimProgram program = independent(2, 5);
  std::set<std::size_t> places;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Pct pct(seed, 2, 12);
    const SimRun made = simulate(program, pct, {.crashes_max = 2});
    std::size_t deaths = 0;
    for (std::size_t i = 0; i < made.decisions.size(); ++i) {
      if (made.decisions[i].act == Act::kRun) continue;
      ++deaths;
      places.insert(i);
    }
    EXPECT_LE(deaths, 1u);
  }
  EXPECT_GE(places.size(), 9u);
}

TEST(Pct, ItsGuaranteeIsToldInWords) {
  EXPECT_THAT(pct_guarantee(2, 14, 3), HasSubstr("1/(2*14^2)"));
}

TEST(FollowPrefix, GoesOnByDefaultBehindItsEnd) {
  FollowPrefix follow({run("B"), run("A")});
  EXPECT_EQ(order_of(simulate(independent(2, 2), follow)), "BAAABB");
  EXPECT_EQ(follow.why_departed(), "");
}

TEST(FollowPrefix, NamesTheStepAtWhichSomebodyCouldNotGoOn) {
  FollowPrefix follow({run("A"), run("A"), run("A"), run("A"), run("B")});
  const SimRun made = simulate(independent(2, 2), follow);
  EXPECT_EQ(order_of(made), "AAA");
  EXPECT_EQ(follow.why_departed(), "step 4: A cannot run any more; there was B: start");
}

/// A run as it would be recorded.
std::vector<std::string> trace_of_run(const SimRun& run) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < run.decisions.size(); ++i) {
    Step step;
    step.decision = run.decisions[i];
    for (const Candidate& one : run.moments[i].candidates) {
      if (one.task == step.decision.who) step.call.key = one.key;
    }
    steps.push_back(std::move(step));
  }
  return trace_of(steps);
}

TEST(Replay, TheSameProgramsDoTheSame) {
  const SimProgram program = independent(3, 4);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    RandomWalk walk(seed, 8);
    const SimRun made = simulate(program, walk, {.crashes_max = 1});
    Replay replay(made.decisions, trace_of_run(made));
    const SimRun again = simulate(program, replay, {.crashes_max = 1});
    EXPECT_EQ(again.decisions, made.decisions);
    EXPECT_EQ(trace_of_run(again), trace_of_run(made));
    EXPECT_EQ(replay.why_departed(), "");
  }
}

TEST(Replay, NamesTheStepAtWhichATaskStoodBeforeAnotherCall) {
  SimProgram program = independent(2, 2);
  FollowPrefix follow({run("B")});
  const SimRun made = simulate(program, follow);
  program[1].calls[1].object = 7;  // B's last call
  Replay replay(made.decisions, trace_of_run(made));
  EXPECT_EQ(order_of(simulate(program, replay)), "BB");
  EXPECT_EQ(replay.why_departed(), "step 3: expected B: write4; there was A: start, B: write7");
}

TEST(Replay, NamesTheStepAtWhichSomebodyWasNotThere) {
  SimProgram program = independent(2, 2);
  FollowPrefix follow({run("B")});
  const SimRun made = simulate(program, follow);
  program[1].calls.pop_back();
  Replay replay(made.decisions, trace_of_run(made));
  (void)simulate(program, replay);
  EXPECT_EQ(replay.why_departed(), "step 3: expected B: write4; there was A: start");
}

TEST(Replay, NamesTheStepAtWhichARunGoesOnForLonger) {
  SimProgram program = independent(1, 2);
  FollowPrefix follow({});
  const SimRun made = simulate(program, follow);
  program[0].calls.push_back({Kind::kRead, 5});
  Replay replay(made.decisions, trace_of_run(made));
  (void)simulate(program, replay);
  EXPECT_EQ(replay.why_departed(), "step 4: the recorded run had ended, and there was A: read5");
}

TEST(Replay, NamesADeathThatIsNotPossible) {
  const SimProgram program = independent(2, 2);
  Replay replay({run("A"), {Act::kCrash, "B"}}, {"A: start", "crash: B"});
  (void)simulate(program, replay, {.crashes_max = 1});  // B has not begun
  EXPECT_THAT(replay.why_departed(), HasSubstr("step 2: expected crash: B"));
}

// Both come from a file.
TEST(Replay, ATraceThatIsTooShortIsADeparture) {
  Replay replay({run("A"), run("A")}, {"A: start"});
  EXPECT_EQ(order_of(simulate(independent(1, 2), replay)), "A");
  EXPECT_THAT(replay.why_departed(), HasSubstr("step 2"));
}

}  // namespace
}  // namespace stress::testing
