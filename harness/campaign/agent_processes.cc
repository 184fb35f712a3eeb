#include "harness/campaign/agent_processes.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "harness/campaign/agent_lives.h"
#include "harness/supervise/process_table.h"

namespace stress {

bool is_stand_in(pid_t pid) {
  std::error_code error;
  const std::filesystem::path program =
      std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), error);
  // A program that was built anew since is "(deleted)".
  if (error || !program.filename().native().starts_with("spawnstorm-agent")) return false;
  const std::optional<ProcessStat> stat = read_stat(pid);
  return stat && !stat->dead();
}

std::set<std::int64_t> houses_of_agents(const std::set<std::int64_t>& pids) {
  std::set<std::int64_t> houses;
  std::ranges::copy_if(pids, std::inserter(houses, houses.end()),
                       [](std::int64_t pid) { return is_stand_in(static_cast<pid_t>(pid)); });
  if (houses.size() == pids.size()) return houses;
  for (const pid_t process : all_processes()) {
    if (!is_stand_in(process)) continue;
    std::optional<ProcessStat> stat = read_stat(process);
    for (int up = 0; up < 64 && stat && stat->parent > 1; ++up) {
      if (pids.contains(stat->parent)) houses.insert(stat->parent);
      stat = read_stat(stat->parent);
    }
  }
  return houses;
}

base::Result<std::map<std::string, std::vector<std::int64_t>>> living_agents(
    const Group& group, const std::filesystem::path& agent_log, const AgentNames& names) {
  const auto words = read_agent_words(agent_log);
  if (!words) return std::unexpected(words.error());
  std::map<std::int64_t, const AgentWord*> births;  // numbers come round again: the last one counts
  for (const AgentWord& word : *words) {
    if (word.life.birth) births[word.life.pid] = &word;
  }
  std::map<std::string, std::vector<std::int64_t>> living;
  for (const Group::Member& member : group.members()) {
    const auto birth = births.find(member.pid);
    if (birth == births.end() || !is_stand_in(member.pid)) continue;
    living[names.of(*birth->second)].push_back(member.pid);
  }
  return living;
}

}  // namespace stress
