#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "harness/campaign/settings.h"
#include "harness/campaign/stage.h"
#include "harness/workload/worker.h"

namespace stress {

// What a storm's settings mean for its stage and for its workers. Pure.

Stage::Plan stage_plan(const StormSettings& settings, Injection injection);

/// What all of a storm's workers, the single one before it included, have in common; without the
/// operations beside the spawns.
WorkerConfig worker_config(const StormSettings& settings, const RunPlace& place,
                           std::filesystem::path control, std::uint64_t first_op);
/// Adds the operations beside the spawns.
WorkerConfig with_other_operations(WorkerConfig config, const StormSettings& settings);

/// The spawners, by process, with their shares of `spawns` spawns. `doubled`: those that are
/// requested twice.
std::vector<std::vector<WorkerThread>> spawners(const StormSettings& settings, std::uint64_t spawns,
                                                const std::set<std::uint64_t>& doubled);

}  // namespace stress
