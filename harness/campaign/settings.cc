#include "harness/campaign/settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/workload/control.h"

namespace stress {

std::string check(const StormSettings& settings) {
  const auto rate = [](std::string_view name, double value) {
    return value >= 0 && value <= 1
               ? std::string()
               : fmt::format("{} must lie between 0 and 1, not {}", name, value);
  };
  for (const auto& [name, value] :
       {std::pair<std::string_view, double>{"--crash-rate", settings.crash_rate},
        {"--kill-session-rate", settings.kill_session_rate},
        {"--kill-server-rate", settings.kill_server_rate},
        {"--pause-rate", settings.pause_rate},
        {"--update-rate", settings.update_rate},
        {"--kill-rate", settings.kill_rate},
        {"--list-rate", settings.list_rate},
        {"--validate-rate", settings.validate_rate}}) {
    if (std::string problem = rate(name, value); !problem.empty()) return problem;
  }
  if (settings.agents == 0 || settings.agents > kThreadsMax) {
    return fmt::format("--agents must lie between 1 and {}, not {}", kThreadsMax, settings.agents);
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
  if (settings.sessions != "tmux" && settings.sessions != "process") {
    return fmt::format("--sessions must be tmux or process, not '{}'", settings.sessions);
  }
  if (settings.kill_server_rate > 0 && settings.sessions != "tmux") {
    return "--kill-server-rate needs --sessions tmux: plain processes have no server";
  }
  return {};
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
  return settings.agents *
         (settings.duration.count() > 0 ? kPerSpawnerOfADuration : settings.spawns);
}

std::map<std::string, std::string> describe(const StormSettings& settings) {
  const Spread over = spread(settings);
  std::map<std::string, std::string> result = {
      {"agents", fmt::format("{}", settings.agents)},
      {"processes", fmt::format("{}", over.processes)},
      {"threads", fmt::format("{}", over.threads)},
      {"sessions", settings.sessions},
      {"preload", fmt::format("{}", settings.preload)},
      {"crash-rate", fmt::format("{}", settings.crash_rate)},
      {"kill-session-rate", fmt::format("{}", settings.kill_session_rate)},
      {"kill-server-rate", fmt::format("{}", settings.kill_server_rate)},
      {"pause-rate", fmt::format("{}", settings.pause_rate)},
      {"update-rate", fmt::format("{}", settings.update_rate)},
      {"kill-rate", fmt::format("{}", settings.kill_rate)},
      {"list-rate", fmt::format("{}", settings.list_rate)},
      {"validate-rate", fmt::format("{}", settings.validate_rate)}};
  if (settings.duration.count() > 0) {
    result["duration"] = fmt::format("{} ms", settings.duration.count());
  } else {
    result["spawns"] = fmt::format("{}", settings.spawns);
  }
  return result;
}

}  // namespace stress
