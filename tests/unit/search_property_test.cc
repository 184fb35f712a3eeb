// Goal: a bounded search reaches what can be reached within its bounds, all of it, although it
// leaves out schedules that only order independent steps otherwise. Method: small random programs
// run in memory; a plain enumeration of all their schedules says what is reachable with how many
// preemptions and deaths.
#include <span>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/bounded_search.h"

namespace stress::testing {
namespace {

using Kind = SimCall::Kind;

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

/// Tasks A, A.1 (made by A, where there is to be a child), B.
SimProgram program_of(const std::vector<SimCall>& calls, const std::vector<int>& tasks,
                      bool child) {
  const char* const labels[] = {"A", child ? "A.1" : "AA", "B"};
  return program_with(calls, tasks, labels);
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

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereFilesAreShared, ()) {
  static constexpr Kind kKinds[] = {Kind::kRead, Kind::kWrite,  Kind::kLock,
                                    Kind::kTry,  Kind::kUnlock, Kind::kLookAndClose};
  const std::vector<SimCall> made = *calls(7, kKinds);
  const std::vector<int> tasks = *rc::gen::container<std::vector<int>>(7, below(3));
  expect_all_is_found(program_of(made, tasks, true), {2, 1}, {.shared_files = true});
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

RC_GTEST_PROP(SearchProperty, NothingIsLostWhereTwoSleepWhileAThirdWorks, ()) {
  static constexpr Kind kSleepers[] = {Kind::kSleep, Kind::kSleep, Kind::kRead, Kind::kAdd};
  static constexpr Kind kWorker[] = {Kind::kWrite, Kind::kRead};
  const SimProgram program = {{"A", "A", *calls(4, kSleepers)},
                              {"AA", "AA", *calls(4, kSleepers)},
                              {"B", "B", *calls(3, kWorker)}};
  expect_all_is_found(program, {1, 0});
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

}  // namespace
}  // namespace stress::testing
