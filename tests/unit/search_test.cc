// Goal: a bounded search reaches what can be reached within its bounds, all of it, although it
// leaves out schedules that only order independent steps otherwise. Method: small random programs
// run in memory; a plain enumeration of all their schedules says what is reachable with how many
// preemptions and deaths.
#include "harness/schedule/search.h"

#include <map>
#include <set>
#include <span>
#include <tuple>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness/schedule/strategies.h"
#include "tests/unit/simulated_run.h"

namespace stress::testing {
namespace {

using Kind = SimCall::Kind;

struct Bound {
  int preemptions = 0;
  int crashes = 0;
  auto operator<=>(const Bound&) const = default;
};

/// Outcomes, each with who had ended when who began.
using Orders = std::set<std::pair<std::uint64_t, std::uint32_t>>;

/// Each outcome in the same order or in a stricter one, by which more can be judged.
bool cover(const Orders& found, const Orders& all) {
  return std::ranges::all_of(all, [&](const auto& one) {
    return std::ranges::any_of(found, [&](const auto& other) {
      return other.first == one.first && (other.second & one.second) == one.second;
    });
  });
}

/// All schedules of a program within a bound.
class Enumeration {
 public:
  Enumeration(const SimProgram& program, Bound bound, Simulation::Setting setting = {})
      : bound_(bound) {
    setting.crashes_max = bound.crashes;
    setting.tells_states = false;
    go_on(Simulation(program, setting), {});
  }
  [[nodiscard]] std::set<std::uint64_t> outcomes(Bound bound) const {
    std::set<std::uint64_t> within;
    for (const auto& [outcome, order, cost] : reached_) {
      if (cost.preemptions <= bound.preemptions && cost.crashes <= bound.crashes) {
        within.insert(outcome);
      }
    }
    return within;
  }
  [[nodiscard]] Orders orders(Bound bound) const {
    Orders within;
    for (const auto& [outcome, order, cost] : reached_) {
      if (cost.preemptions <= bound.preemptions && cost.crashes <= bound.crashes) {
        within.emplace(outcome, order);
      }
    }
    return within;
  }
  [[nodiscard]] std::uint64_t schedules() const { return schedules_; }
  [[nodiscard]] bool any_stuck() const { return any_stuck_; }

 private:
  void go_on(Simulation simulation, Bound cost) {
    const std::optional<Moment> moment = simulation.moment();
    if (!moment) {
      ++schedules_;
      any_stuck_ = any_stuck_ || simulation.is_stuck();
      reached_.emplace(simulation.outcome(), simulation.order(), cost);
      return;
    }
    for (const Candidate& candidate : moment->candidates) {
      take(simulation, *moment, {Act::kRun, candidate.task}, cost);
    }
    for (const Mortal& mortal : moment->mortals) {
      take(simulation, *moment, {Act::kCrash, mortal.operation}, cost);
      if (!mortal.has_descendants) continue;
      take(simulation, *moment, {Act::kCrashWithDescendants, mortal.operation}, cost);
    }
  }
  void take(Simulation simulation, const Moment& moment, const Decision& decision, Bound cost) {
    if (is_preemption(moment, decision)) ++cost.preemptions;
    if (decision.act != Act::kRun) ++cost.crashes;
    if (cost.preemptions > bound_.preemptions) return;
    simulation.carry_out(decision);
    go_on(simulation, cost);
  }

  Bound bound_;
  std::set<std::tuple<std::uint64_t, std::uint32_t, Bound>> reached_;
  std::uint64_t schedules_ = 0;
  bool any_stuck_ = false;
};

struct Found {
  std::set<std::uint64_t> outcomes;
  Orders orders;
  std::uint64_t runs = 0;
  std::uint64_t pruned = 0;
  bool any_stuck = false;
  std::vector<Bound> costs;  ///< of the runs, in their order
};

Found search(const SimProgram& program, Bound bound, Simulation::Setting setting = {}) {
  setting.crashes_max = bound.crashes;
  Found found;
  Search search(bound.preemptions, bound.crashes);
  Visited visited;  // of one explorer
  std::set<std::vector<std::pair<int, std::string>>> prefixes;
  while (const auto prefix = search.next()) {
    std::vector<std::pair<int, std::string>> words;
    for (const Decision& one : *prefix) words.emplace_back(static_cast<int>(one.act), one.who);
    EXPECT_TRUE(prefixes.insert(words).second) << "a prefix was run twice";
    FollowPrefix strategy(*prefix, &visited);
    const SimRun run = simulate(program, strategy, setting);
    EXPECT_EQ(strategy.why_departed(), "");
    Bound cost;
    for (std::size_t i = 0; i < run.decisions.size(); ++i) {
      if (is_preemption(run.moments[i], run.decisions[i])) ++cost.preemptions;
      if (run.decisions[i].act != Act::kRun) ++cost.crashes;
    }
    found.costs.push_back(cost);
    if (!run.cut) {
      found.outcomes.insert(run.outcome);
      found.orders.emplace(run.outcome, run.order);
    }
    found.any_stuck = found.any_stuck || (run.stuck && !run.cut);
    ++found.runs;
    search.explored(prefix->size(), run.moments, run.decisions, run.met);
  }
  found.pruned = search.pruned();
  return found;
}

constexpr int kUnbounded = 1000;

/// Tasks A, A.1 (made by A, where there is to be a child), B.
SimProgram program_of(const std::vector<SimCall>& calls, const std::vector<int>& tasks,
                      bool child) {
  SimProgram program = {
      {"A", "A", {}}, {child ? "A.1" : "AA", child ? "A" : "AA", {}}, {"B", "B", {}}};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    program[static_cast<std::size_t>(tasks[i % tasks.size()])].calls.push_back(calls[i]);
  }
  return program;
}

/// Of tasks with these labels; children are named after who makes them.
SimProgram program_with(const std::vector<SimCall>& calls, const std::vector<int>& tasks,
                        std::span<const char* const> labels) {
  SimProgram program;
  for (const std::string label : labels) {
    program.push_back({label, label.substr(0, label.find('.')), {}});
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    program[static_cast<std::size_t>(tasks[i % tasks.size()])].calls.push_back(calls[i]);
  }
  return program;
}

/// Ranges shrink with the size of what they are elements of, if they are not told otherwise.
rc::Gen<int> below(int bound) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, bound));
}

rc::Gen<std::vector<SimCall>> calls(int calls_max, std::span<const Kind> kinds) {
  const auto one = rc::gen::map(below(2 * static_cast<int>(kinds.size())), [kinds](int drawn) {
    return SimCall{kinds[static_cast<std::size_t>(drawn / 2)], drawn % 2};
  });
  return rc::gen::resize(calls_max, rc::gen::container<std::vector<SimCall>>(one));
}

std::string in_words(const SimProgram& program) {
  static constexpr const char* kVerbs[] = {"read",   "write", "lock",          "try",
                                           "unlock", "close", "sleep",         "await",
                                           "add",    "ask",   "look-and-close"};
  std::string text;
  for (const SimTask& task : program) {
    text += task.label + ":";
    for (const SimCall& call : task.calls) {
      text += std::string(" ") + kVerbs[static_cast<int>(call.kind)] + std::to_string(call.object);
    }
    text += "; ";
  }
  return text;
}

/// Where somebody waits for ever, who else is killed in time to prevent it depends on who could
/// still go on, which is not looked for: that it happens at all is found, and is a failure.
void expect_all_is_found(const SimProgram& program, Bound widest,
                         Simulation::Setting setting = {}) {
  const Enumeration all(program, widest, setting);
  for (int preemptions = 0; preemptions <= widest.preemptions; ++preemptions) {
    for (int crashes = 0; crashes <= widest.crashes; ++crashes) {
      const Bound bound{preemptions, crashes};
      const Found found = search(program, bound, setting);
      RC_LOG() << in_words(program) << preemptions << " preemptions, " << crashes << " deaths\n";
      if (crashes > 0 && all.any_stuck()) {
        RC_ASSERT(found.any_stuck || bound != widest);
        continue;
      }
      RC_ASSERT(found.outcomes == all.outcomes(bound));
      RC_ASSERT(cover(found.orders, all.orders(bound)));
      RC_ASSERT(found.runs <= all.schedules());
    }
  }
}

constexpr Kind kAllButLoops[] = {Kind::kRead, Kind::kWrite,       Kind::kAdd,   Kind::kLock,
                                 Kind::kTry,  Kind::kUnlock,      Kind::kClose, Kind::kSleep,
                                 Kind::kAsk,  Kind::kLookAndClose};
/// None that yields, so that the search leaves out what it may.
constexpr Kind kWithoutSleep[] = {Kind::kRead, Kind::kWrite, Kind::kAdd,
                                  Kind::kLock, Kind::kTry,   Kind::kUnlock,
                                  Kind::kAsk,  Kind::kClose, Kind::kLookAndClose};

RC_GTEST_PROP(SearchProperty, WithoutYieldsNothingIsLostByLeavingOut, ()) {
  const std::vector<SimCall> made = *calls(8, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(8, below(3));
  expect_all_is_found(program_of(made, tasks, *rc::gen::arbitrary<bool>()), {2, 1});
}

RC_GTEST_PROP(SearchProperty, ReachesWhatAllSchedulesWithinTheBoundsReach, ()) {
  const std::vector<SimCall> made = *calls(7, kAllButLoops);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(7, below(3));
  expect_all_is_found(program_of(made, tasks, *rc::gen::arbitrary<bool>()), {3, 1});
}

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereChildrenGoOnAtOnce, ()) {
  const std::vector<SimCall> made = *calls(8, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(8, below(3));
  expect_all_is_found(program_of(made, tasks, true), {2, 1}, {.children_at_once = true});
}

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereThreeProgramsRun, ()) {
  const std::vector<SimCall> made = *calls(9, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(9, below(3));
  expect_all_is_found(program_of(made, tasks, false), {2, 1});
}

constexpr const char* kFourTasks[][4] = {
    {"A", "A.1", "B", "C"}, {"A", "A.1", "A.2", "B"}, {"A", "A.1", "B", "B.1"}};

RC_GTEST_PROP(SearchProperty, NothingIsLostAmongFourTasks, ()) {
  const std::vector<SimCall> made = *calls(8, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(8, below(4));
  expect_all_is_found(program_with(made, tasks, kFourTasks[*below(3)]), {2, 1},
                      {.begin_in_order = *rc::gen::arbitrary<bool>()});
}

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereSeveralChildrenGoOnAtOnce, ()) {
  const std::vector<SimCall> made = *calls(10, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(10, below(4));
  expect_all_is_found(program_with(made, tasks, kFourTasks[*below(3)]), {2, 1},
                      {.children_at_once = true, .begin_in_order = *rc::gen::arbitrary<bool>()});
}

RC_GTEST_PROP(SearchProperty, NothingIsLostByTwoDeaths, ()) {
  const std::vector<SimCall> made = *calls(7, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(7, below(3));
  expect_all_is_found(program_of(made, tasks, *rc::gen::arbitrary<bool>()), {2, 2},
                      {.children_at_once = *rc::gen::arbitrary<bool>()});
}

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereTheyBeginInOrder, ()) {
  const std::vector<SimCall> made = *calls(9, kWithoutSleep);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(9, below(3));
  expect_all_is_found(program_of(made, tasks, *rc::gen::arbitrary<bool>()), {2, 1},
                      {.begin_in_order = true});
}

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereChildrenThatGoOnAtOnceLoop, ()) {
  static constexpr Kind kKinds[] = {Kind::kRead, Kind::kWrite, Kind::kAwait, Kind::kSleep,
                                    Kind::kAdd};
  const std::vector<SimCall> made = *calls(6, kKinds);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(6, below(3));
  expect_all_is_found(program_of(made, tasks, true), {1, 1}, {.children_at_once = true});
}

RC_GTEST_PROP(SearchProperty, LoopsThatAskForTheSameThingAreCutWithoutLosingAny, ()) {
  static constexpr Kind kKinds[] = {Kind::kRead, Kind::kWrite, Kind::kSleep};
  const auto some = [](int calls_max) {
    const auto one =
        rc::gen::map(below(6), [](int drawn) { return SimCall{kKinds[drawn / 2], drawn % 2}; });
    return *rc::gen::resize(calls_max, rc::gen::container<std::vector<SimCall>>(one));
  };
  SimProgram program = {{"A", "A", some(1)}, {"AA", "AA", some(1)}, {"B", "B", some(4)}};
  const bool forever = *below(2) == 1;
  const auto asks = static_cast<std::size_t>(forever ? 1 : *below(6));
  program[0].calls.insert(program[0].calls.end(), asks, {forever ? Kind::kAwait : Kind::kRead, 0});
  expect_all_is_found(program, {2, 0});
}

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

TEST(Search, NothingIsTriedThatCostsMoreThanAllowed) {
  for (const Bound& cost : search(writers(true), {1, 0}).costs) {
    EXPECT_LE(cost.preemptions, 1);
    EXPECT_EQ(cost.crashes, 0);
  }
}

}  // namespace
}  // namespace stress::testing
