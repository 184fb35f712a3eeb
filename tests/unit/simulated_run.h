#pragma once

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "harness/schedule/moment.h"
#include "tests/unit/schedule_simulator.h"

namespace stress::testing {

/// One run to its end.
struct SimRun {
  std::vector<Moment> moments;
  std::vector<Decision> decisions;
  std::uint64_t outcome = 0;
  std::uint32_t order = 0;
  std::uint64_t state = 0;
  bool stuck = false;
  bool cut = false;  ///< at its last moment, as what comes then is known
  std::unordered_set<std::uint64_t> met;
};

inline SimRun simulate(const SimProgram& program, Strategy& strategy,
                       Simulation::Setting setting = Simulation::Setting()) {
  SimRun run;
  Simulation simulation(program, setting);
  while (std::optional<Moment> moment = simulation.moment()) {
    const std::optional<Decision> decision = strategy.choose(*moment);
    if (!decision && !strategy.known()) break;
    run.cut = !decision;
    if (run.cut) {
      run.moments.push_back(std::move(*moment));
      run.decisions.push_back(*strategy.known());
      break;
    }
    simulation.carry_out(*decision);
    run.moments.push_back(std::move(*moment));
    run.decisions.push_back(*decision);
  }
  run.outcome = simulation.outcome();
  run.order = simulation.order();
  run.stuck = simulation.is_stuck();
  run.state = simulation.state();
  run.met = simulation.met();
  return run;
}

}  // namespace stress::testing
