#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/target/target.h"
#include "orchestrator/base/error.h"

namespace stress {

/// One operation that a worker is told to make, instead of being left to the seed.
struct ScriptStep {
  std::string kind;   ///< spawn, update, kill; or repair, which leaves no trace in the history
  std::string task;   ///< spawn
  std::string type;   ///< spawn
  std::string agent;  ///< update, kill
};

/// One thread of a worker and the spawns it still owes.
struct WorkerThread {
  std::string client;                   ///< "p3.t1"
  std::uint32_t state = 0;              ///< its place in ControlBlock::threads
  std::vector<std::uint64_t> slots;     ///< in order
  std::vector<std::uint64_t> replaced;  ///< those of them that had an attempt already
  std::vector<ScriptStep> script;       ///< made first; a killed worker's are not made again
  std::vector<std::uint64_t> doubled;   ///< slots whose next attempt is requested twice
  std::uint32_t second_state = 0;       ///< the place of the second caller, where there is one
};

/// Everything a worker process is told. A worker is `stress` itself, re-executed, so that a crash
/// kills a whole process with all its threads, as it does in life.
struct WorkerConfig {
  std::string target;
  RunPlace place;
  std::uint64_t seed = 0;
  std::uint64_t first_op = 1;  ///< operations are numbered from here
  std::filesystem::path control;
  std::filesystem::path history;
  double update_rate = 0;  ///< operations per spawn
  double kill_rate = 0;
  double list_rate = 0;
  double validate_rate = 0;
  double child_rate = 0;         ///< of the spawns: below an agent of this spawner
  bool unique_types = false;     ///< each spawn asks for uniqueness of its type
  std::uint64_t types = 0;       ///< how many types the spawns share; 0: each its own
  bool accept_refusals = false;  ///< a refused spawn is done with
  int attempts_max = 50;         ///< per spawn, before the worker gives up
  std::vector<WorkerThread> threads;
};

base::Status store_config(const WorkerConfig& config, const std::filesystem::path& file);
base::Result<WorkerConfig> load_config(const std::filesystem::path& file);

/// Exit codes of a worker.
inline constexpr int kWorkerDone = 0;
inline constexpr int kWorkerGaveUp =
    3;  ///< some spawn was never acknowledged; noted in the history
inline constexpr int kWorkerBroken = 4;  ///< no configuration, no target

/// What the hidden subcommand `stress worker CONFIG` runs.
int worker_main(const std::filesystem::path& config_file);

}  // namespace stress
