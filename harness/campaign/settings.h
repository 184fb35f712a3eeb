#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace stress {

/// What `stress run` was asked for. All rates are per required spawn: with 100 spawns and a rate of
/// 0.1 exactly 10 are hit.
struct StormSettings {
  std::string name = "storm";
  std::string target = "builtin";
  std::uint64_t agents = 10;    ///< concurrent spawners
  std::uint64_t processes = 0;  ///< 0: chosen from `agents`
  std::uint64_t threads = 0;    ///< per process; 0: chosen
  std::uint64_t spawns = 10;    ///< per spawner
  double duration_s = 0;        ///< > 0: goes on beginning spawns for so long instead
  double crash_rate = 0;
  std::vector<std::string> crash_points;  ///< classes; none: all that occur on the path
  std::vector<std::string> faults;        ///< the fault plan, see parse_fault()
  double kill_session_rate = 0;
  double kill_server_rate = 0;
  double full_disk_rate = 0;
  double reuse_pid_rate = 0;
  double pause_rate = 0;
  double update_rate = 0.5;  ///< operations per spawn, each drawn by itself
  double kill_rate = 0.1;
  double list_rate = 0.3;
  double validate_rate = 0.1;
  double duplicate_rate = 0;  ///< spawns whose request is made twice, by two callers
  double child_rate = 0.2;    ///< spawns below an agent of the same spawner instead of the root
  std::uint64_t seed = 0;
  double time_limit_s = 600;
  std::string sessions = "tmux";
  std::filesystem::path out = "stress-results";
  int preload = 60;           ///< terminal records put in first: more than three pages
  bool unique_types = false;  ///< each spawn asks for the only active agent of its type
  std::uint64_t types = 0;    ///< how many types the spawns share; 0: each its own
  int max_concurrent = 0;     ///< 0: as many as are spawned
  int max_agents = 0;
  int max_depth = 5;
  bool accept_refusals = false;  ///< where limits are what is tested
  bool count_loads = false;
  std::string damage = "none";       ///< none, torn, zeroed, empty or vanished
  std::vector<std::string> command;  ///< argv of this very run, for repro.sh
  /// Names of the settings that somebody asked for: what cannot be met of them is an error.
  std::set<std::string> given;
};

/// How the spawners are spread.
struct Spread {
  std::uint64_t processes = 1;
  std::uint64_t threads = 1;  ///< of the fullest process
};

/// Errors are sentences for the user; empty: the settings are usable.
std::string problem_with(const StormSettings& settings);
/// The flags among the settings whose faults need a room (see run_in_room); none: no room.
std::vector<std::string> faults_in_room(const StormSettings& settings);
Spread spread(const StormSettings& settings);
/// With a duration: more than anybody can do in it.
std::uint64_t spawns_required(const StormSettings& settings);
/// For the report.
std::map<std::string, std::string> describe(const StormSettings& settings);

}  // namespace stress
