// Goal: one number per state: schedules that order all conflicting events alike have the same, all
// others have different ones.
// Method: all interleavings of small random programs, each beside the order of its conflicts, which
// is told here pair by pair.
#include "harness/schedule/causality.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace stress {
namespace {

struct Event {
  std::string key;
  std::vector<Access> accesses;
};
/// The events of each task, in its order.
using Program = std::map<std::string, std::vector<Event>>;
using Order = std::vector<std::pair<std::string, std::size_t>>;  ///< task, number in its task

const Event& event_of(const Program& program, const Order::value_type& place) {
  return program.at(place.first)[place.second];
}

std::uint64_t number_of(const Program& program, const Order& order) {
  Causality causality;
  for (const auto& place : order) {
    const Event& event = event_of(program, place);
    const ScheduleEvent made{place.first, event.key, event.accesses};
    const std::uint64_t expected = causality.after(made);
    causality.add(made);
    EXPECT_EQ(causality.value(), expected);
  }
  return causality.value();
}

/// Which of each two conflicting events came first.
std::set<std::string> conflicts_in(const Program& program, const Order& order) {
  std::set<std::string> pairs;
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = i + 1; j < order.size(); ++j) {
      if (!conflict(event_of(program, order[i]).accesses, event_of(program, order[j]).accesses)) {
        continue;
      }
      pairs.insert(order[i].first + std::to_string(order[i].second) + " before " + order[j].first +
                   std::to_string(order[j].second));
    }
  }
  return pairs;
}

void interleave(const Program& program, Order& order, std::vector<Order>& all) {
  bool whole = true;
  for (const auto& [task, events] : program) {
    const auto made =
        static_cast<std::size_t>(std::ranges::count(order, task, &Order::value_type::first));
    if (made == events.size()) continue;
    whole = false;
    order.emplace_back(task, made);
    interleave(program, order, all);
    order.pop_back();
  }
  if (whole) all.push_back(order);
}

/// Ranges shrink with the size of what they are elements of, if they are not told otherwise.
rc::Gen<int> below(int bound) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, bound));
}

/// Up to seven events of three tasks, each of up to two accesses to three objects.
Program any_program() {
  const auto access = rc::gen::map(below(9), [](int drawn) {
    return Access{static_cast<std::uint64_t>(drawn / 3), static_cast<Touch>(drawn % 3)};
  });
  const auto accesses = rc::gen::resize(2, rc::gen::container<std::vector<Access>>(access));
  const auto made =
      *rc::gen::resize(7, rc::gen::container<std::vector<std::pair<int, std::vector<Access>>>>(
                              rc::gen::pair(below(3), accesses)));
  Program program;
  for (const auto& [task, about] : made) {
    program[std::string(1, static_cast<char>('A' + task))].push_back({"call", about});
  }
  return program;
}

RC_GTEST_PROP(CausalityProperty, NumbersAreAlikeExactlyWhereConflictsAreOrderedAlike, ()) {
  const Program program = any_program();
  Order order;
  std::vector<Order> all;
  interleave(program, order, all);
  std::map<std::uint64_t, std::set<std::string>> by_number;
  std::map<std::set<std::string>, std::uint64_t> by_conflicts;
  for (const Order& one : all) {
    const std::uint64_t number = number_of(program, one);
    const std::set<std::string> conflicts = conflicts_in(program, one);
    RC_ASSERT(by_number.emplace(number, conflicts).first->second == conflicts);
    RC_ASSERT(by_conflicts.emplace(conflicts, number).first->second == number);
  }
}

TEST(Causality, ReadersOfOneThingCommute) {
  const Program program = {{"A", {{"read", {{1, Touch::kLooks}}}}},
                           {"B", {{"read", {{1, Touch::kLooks}}}}}};
  EXPECT_EQ(number_of(program, {{"A", 0}, {"B", 0}}), number_of(program, {{"B", 0}, {"A", 0}}));
}

TEST(Causality, WhatWasDoneAndByWhomCounts) {
  std::set<std::uint64_t> numbers = {0};
  for (const char* task : {"A", "B"}) {
    for (const char* key : {"read x", "read y"}) {
      EXPECT_TRUE(numbers.insert(number_of({{task, {{key, {}}}}}, {{task, 0}})).second);
    }
  }
  const Program twice = {{"A", {{"read x", {}}, {"read x", {}}}}};
  EXPECT_TRUE(numbers.insert(number_of(twice, {{"A", 0}, {"A", 1}})).second);
}

TEST(Causality, AChildComesAfterWhatItsMakerHasDoneSoFarAndNotAfterMore) {
  const std::vector<Access> none;
  const auto born_after = [&](int steps, bool maker_goes_on_first) {
    Causality causality;
    for (int i = 0; i < steps; ++i) causality.add({"A", "call", none});
    causality.fork("A.1", "A");
    if (maker_goes_on_first) causality.add({"A", "call", none});
    causality.add({"A.1", "call", none});
    if (!maker_goes_on_first) causality.add({"A", "call", none});
    return causality.value();
  };
  EXPECT_EQ(born_after(1, true), born_after(1, false));
  EXPECT_NE(born_after(1, true), born_after(2, true));
}

}  // namespace
}  // namespace stress
