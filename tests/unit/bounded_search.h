#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "harness/schedule/search.h"
#include "harness/schedule/strategies.h"
#include "tests/unit/simulated_run.h"

/// What a bounded search finds, and a plain enumeration to hold it against.
namespace stress::testing {

struct Bound {
  int preemptions = 0;
  int crashes = 0;
  auto operator<=>(const Bound&) const = default;
};

/// Outcomes, each with who had ended when who began.
using Orders = std::set<std::pair<std::uint64_t, std::uint32_t>>;

/// Each outcome in the same order or in a stricter one, by which more can be judged.
inline bool cover(const Orders& found, const Orders& all) {
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

inline Found search(const SimProgram& program, Bound bound, Simulation::Setting setting = {}) {
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

}  // namespace stress::testing
