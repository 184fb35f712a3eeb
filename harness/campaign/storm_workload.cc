#include "harness/campaign/storm_workload.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "harness/fault/fault_spec.h"

namespace stress {
namespace {

/// What the engine has to see for this plan. Reads are many: they stop only where they are meant.
std::uint32_t filter_for(const StormSettings& settings) {
  const bool opens = std::ranges::any_of(settings.faults, [](const std::string& text) {
    const base::Result<FaultSpec> spec = parse_fault(text);
    return spec && spec->place == FaultPlace::kOpen;
  });
  return kCrashSet | (settings.count_loads || opens ? kReadOpens : 0u);
}

}  // namespace

Stage::Plan stage_plan(const StormSettings& settings, Injection injection) {
  Stage::Plan plan;
  plan.out = settings.out;
  plan.name = settings.name;
  plan.target = settings.target;
  plan.sessions = settings.sessions;
  plan.setup.max_concurrent = settings.max_concurrent;
  plan.setup.max_agents = settings.max_agents;
  plan.setup.max_depth = settings.max_depth;
  plan.setup.preload = settings.preload;
  plan.setup.unique_types = settings.unique_types;
  plan.injection = injection;
  plan.filter = filter_for(settings);
  plan.own_disk = settings.full_disk_rate > 0;
  return plan;
}

WorkerConfig worker_config(const StormSettings& settings, const RunPlace& place,
                           std::filesystem::path control, std::uint64_t first_op) {
  WorkerConfig config;
  config.target = settings.target;
  config.place = place;
  config.seed = settings.seed;
  config.first_op = first_op;
  config.control = std::move(control);
  config.unique_types = settings.unique_types;
  config.types = settings.types;
  config.accept_refusals = settings.accept_refusals;
  return config;
}

WorkerConfig with_other_operations(WorkerConfig config, const StormSettings& settings) {
  config.update_rate = settings.update_rate;
  config.kill_rate = settings.kill_rate;
  config.list_rate = settings.list_rate;
  config.validate_rate = settings.validate_rate;
  config.child_rate = settings.child_rate;
  return config;
}

std::vector<std::vector<WorkerThread>> spawners(const StormSettings& settings, std::uint64_t spawns,
                                                const std::set<std::uint64_t>& doubled) {
  const Spread over = spread(settings);
  // In the control block the second caller, where there is one, has the next place.
  const std::uint32_t places = settings.duplicate_rate > 0 ? 2 : 1;
  const std::uint64_t each = spawns / settings.agents;
  std::vector<std::vector<WorkerThread>> processes(over.processes);
  std::uint64_t spawner = 0;
  for (std::uint64_t p = 0; p < over.processes; ++p) {
    // As even as it goes: the first processes take one more.
    const std::uint64_t count =
        settings.agents / over.processes + (p < settings.agents % over.processes ? 1 : 0);
    for (std::uint64_t t = 0; t < count; ++t, ++spawner) {
      WorkerThread& thread = processes[p].emplace_back();
      thread.client = fmt::format("p{}.t{}", p, t);
      thread.state = static_cast<std::uint32_t>(spawner) * places;
      thread.second_state = thread.state + 1;
      for (std::uint64_t slot = spawner * each; slot < (spawner + 1) * each; ++slot) {
        thread.slots.push_back(slot);
        if (doubled.contains(slot)) thread.doubled.push_back(slot);
      }
    }
  }
  return processes;
}

}  // namespace stress
