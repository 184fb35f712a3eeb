#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace stress {

/// What `stress crashes` was asked for.
struct CrashSettings {
  std::string target = "builtin";
  std::string op = "spawn";  ///< spawn, update, kill or repair
  std::string sessions;      ///< tmux or process; empty: as the target has it, else tmux
  std::uint64_t seed =
      1;         ///< told to workers and reports; which points there are it does not decide
  int only = 0;  ///< run this point alone; 0: all
  bool with_bystander = false;  ///< beside a second spawn, in its middle
  bool errors = true;           ///< failing calls too, not only crashes
  double time_limit_s = 600;
  std::string until;  ///< end once this invariant is violated; empty: run all points
  int preload = 60;   ///< terminal records put in first: more than three pages
  std::filesystem::path out = "stress-results";
  std::vector<std::string> command;  ///< argv of this very run, for repro.sh
};

}  // namespace stress
