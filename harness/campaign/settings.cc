#include "harness/campaign/settings.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/campaign/settings_fields.h"
#include "harness/fault/crash_point.h"
#include "harness/fault/fault_spec.h"
#include "harness/workload/control.h"

namespace stress {

std::string problem_with(const StormSettings& settings) {
  const auto rate = [](std::string_view name, double value) {
    return value >= 0 && value <= 1
               ? std::string()
               : fmt::format("{} must lie between 0 and 1, not {}", name, value);
  };
  for (const auto& [name, value] :
       {std::pair<std::string_view, double>{"--crash-rate", settings.crash_rate},
        {"--kill-session-rate", settings.kill_session_rate},
        {"--kill-server-rate", settings.kill_server_rate},
        {"--full-disk-rate", settings.full_disk_rate},
        {"--reuse-pid-rate", settings.reuse_pid_rate},
        {"--pause-rate", settings.pause_rate},
        {"--duplicate-rate", settings.duplicate_rate},
        {"--update-rate", settings.update_rate},
        {"--kill-rate", settings.kill_rate},
        {"--list-rate", settings.list_rate},
        {"--validate-rate", settings.validate_rate},
        {"--child-rate", settings.child_rate}}) {
    if (std::string problem = rate(name, value); !problem.empty()) return problem;
  }
  if (settings.agents == 0 || settings.agents > kThreadsMax) {
    return fmt::format("--agents must lie between 1 and {}, not {}", kThreadsMax, settings.agents);
  }
  if (settings.duplicate_rate > 0 && settings.agents >= kThreadsMax / 2) {
    return fmt::format(
        "--duplicate-rate needs a second caller for each spawner: --agents must be "
        "below {}, not {}",
        kThreadsMax / 2, settings.agents);
  }
  if (settings.spawns == 0) return "--spawns must be at least 1";
  if (settings.processes > settings.agents) {
    return fmt::format(
        "--processes ({}) must not exceed --agents ({}): each process has at least "
        "one spawner",
        settings.processes, settings.agents);
  }
  if (settings.processes != 0 && settings.threads != 0 &&
      settings.processes * settings.threads < settings.agents) {
    return fmt::format("--processes {} with --threads {} has no room for {} spawners",
                       settings.processes, settings.threads, settings.agents);
  }
  for (const std::string& name : settings.crash_points) {
    if (!parse_point_class(name)) {
      return fmt::format("--crash-points: '{}' is no class of crash points; known are {}", name,
                         fmt::join(all_point_classes(), ", "));
    }
  }
  for (const std::string& text : settings.faults) {
    if (const base::Result<FaultSpec> spec = parse_fault(text); !spec) {
      return "--fault " + spec.error().message;
    }
  }
  // Of a request that is made twice one is refused, so refusals are accepted there anyway.
  if (settings.unique_types && settings.crash_rate > 0 && !settings.accept_refusals &&
      settings.duplicate_rate == 0) {
    return "--unique-types with --crash-rate needs --accept-refusals: what a killed spawn has "
           "recorded keeps its type taken until the repair";
  }
  static constexpr std::array<std::string_view, 5> kDamages = {"none", "torn", "zeroed", "empty",
                                                               "vanished"};
  if (std::ranges::find(kDamages, settings.damage) == kDamages.end()) {
    return fmt::format("--damage must be one of {}, not '{}'", fmt::join(kDamages, ", "),
                       settings.damage);
  }
  if (settings.duration_s < 0 || settings.time_limit_s <= 0) {
    return "--duration must not be negative, and --time-limit must be positive";
  }
  if (settings.sessions != "tmux" && settings.sessions != "process") {
    return fmt::format("--sessions must be tmux or process, not '{}'", settings.sessions);
  }
  if (settings.kill_server_rate > 0 && settings.sessions != "tmux") {
    return "--kill-server-rate needs --sessions tmux: plain processes have no server";
  }
  return {};
}

std::vector<std::string> faults_in_room(const StormSettings& settings) {
  std::vector<std::string> flags;
  if (settings.full_disk_rate > 0) flags.emplace_back("--full-disk-rate");
  if (settings.reuse_pid_rate > 0) flags.emplace_back("--reuse-pid-rate");
  return flags;
}

Spread spread(const StormSettings& settings) {
  const std::uint64_t n = settings.agents;
  const auto shares = [n](std::uint64_t by) { return (n + by - 1) / by; };
  if (settings.processes != 0) return {settings.processes, shares(settings.processes)};
  if (settings.threads != 0) return {shares(settings.threads), std::min(settings.threads, n)};
  // Half the spawners meet as processes, half as threads: 10 as 5 x 2, 100 as 10 x 10.
  const std::uint64_t processes = std::clamp<std::uint64_t>((n + 1) / 2, 1, n <= 20 ? 5 : 10);
  return {processes, shares(processes)};
}

std::uint64_t spawns_required(const StormSettings& settings) {
  constexpr std::uint64_t kPerSpawnerOfADuration = 2'000;
  return settings.agents * (settings.duration_s > 0 ? kPerSpawnerOfADuration : settings.spawns);
}

std::map<std::string, std::string> describe(const StormSettings& settings) {
  std::map<std::string, std::string> result;
  for_each_field(settings, [&](const char* name, const auto& value, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<std::string>>) {
      if (!value.empty()) result[name] = fmt::format("{}", fmt::join(value, " "));
    } else {
      result[name] = fmt::format("{}", value);
    }
  });
  const Spread over = spread(settings);
  result["processes"] = fmt::format("{}", over.processes);
  result["threads"] = fmt::format("{}", over.threads);
  return result;
}

}  // namespace stress
