#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace stress {

/// What `stress explore` was asked for.
struct ExploreSettings {
  std::string target = "builtin";
  /// One word an operation, all at once: spawn, update, kill, list, validate, repair; session-kill,
  /// agent-exit and pause are the harness's own.
  std::vector<std::string> ops{"spawn", "spawn"};
  std::string sessions;           ///< tmux or process; empty: as the target has it, else tmux
  std::string strategy = "pct";   ///< random, pct, exhaustive or swarm
  std::uint64_t schedules = 200;  ///< at most; exhaustive: 0 means all
  int depth = 3;                  ///< pct: how many orderings the bug looked for depends on
  int preemptions = 2;            ///< exhaustive: at most so many in one schedule
  int crashes = 0;                ///< programs that may be killed in one schedule
  bool agents_at_once = false;    ///< what runs in sessions goes on before anybody else does
  bool begin_in_order = false;    ///< operations do, of which the later ones are like the first
  int prepared = -1;              ///< agents that are there before; -1: one where one is needed
  int types = 0;                  ///< spawns share so many types; 0: each has its own
  std::uint64_t seed = 1;
  double time_limit_s = 600;
  int jobs = 1;
  int shrink_runs = 400;    ///< schedules that making a failure short may take; 0: as it was found
  bool keep_going = false;  ///< look for further ways to fail once one is found
  std::string until;        ///< end once this invariant is violated; other violations go on
  std::filesystem::path out = "stress-results";
  std::vector<std::string> command;  ///< argv of this very run, for repro.sh
};

}  // namespace stress
