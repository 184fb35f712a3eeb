#include "harness/supervise/command_kill.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "harness/supervise/process_table.h"

namespace stress {
namespace {

bool send(const base::UniqueFd& process, int signal_number) {
  return syscall(SYS_pidfd_send_signal, process.get(), signal_number, nullptr, 0) == 0;
}

bool is_dead(const base::UniqueFd& process, int timeout_ms) {
  pollfd dead{process.get(), POLLIN, 0};
  return poll(&dead, 1, timeout_ms) == 1;
}

/// A descriptor that cannot come to mean another process. Not valid: that one is gone.
base::UniqueFd open_process(pid_t pid, std::uint64_t start_ticks) {
  base::UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const std::optional<ProcessStat> stat = read_stat(pid);
  if (!stat || stat->start_ticks != start_ticks) process.reset();
  return process;
}

/// In order of descent, so that each one's parent stands before it.
std::vector<ProcessStat> descendants(pid_t pid) {
  std::multimap<pid_t, ProcessStat> by_parent;
  for (const pid_t other : all_processes()) {
    const std::optional<ProcessStat> stat = read_stat(other);
    if (stat && !stat->dead()) by_parent.emplace(stat->parent, *stat);
  }
  std::vector<ProcessStat> result;
  const pid_t session = getsid(pid);
  const auto add_children = [&](pid_t parent) {
    const auto [first, last] = by_parent.equal_range(parent);
    for (auto child = first; child != last; ++child) {
      if (child->second.session == session) result.push_back(child->second);
    }
  };
  add_children(pid);
  for (std::size_t i = 0; i < result.size(); ++i) add_children(result[i].pid);
  return result;
}

}  // namespace

std::vector<pid_t> followers_of(pid_t pid) {
  std::vector<pid_t> pids;
  for (const ProcessStat& stat : descendants(pid)) pids.push_back(stat.pid);
  return pids;
}

base::UniqueFd open_command(const Op& op) {
  return op.command == 0 ? base::UniqueFd() : open_process(op.command, op.command_start);
}

bool kill_command(const Op& op, bool with_descendants) {
  const base::UniqueFd command = open_command(op);
  if (!command.valid() || is_dead(command, 0)) return false;
  std::map<pid_t, base::UniqueFd> others;
  // All are stopped before the first one dies: nobody acts upon another's death, nobody forks while
  // they are looked for, and each is still its parent's child when it is found.
  for (bool found = with_descendants; found;) {
    found = false;
    send(command, SIGSTOP);
    for (const ProcessStat& stat : descendants(op.command)) {
      if (others.contains(stat.pid)) continue;
      base::UniqueFd process = open_process(stat.pid, stat.start_ticks);
      if (!process.valid()) continue;
      send(process, SIGSTOP);
      others.emplace(stat.pid, std::move(process));
      found = true;
    }
  }
  const bool sent = send(command, SIGKILL);
  for (const auto& [pid, process] : others) send(process, SIGKILL);
  constexpr int kDeathMs = 30'000;
  return std::ranges::all_of(others,
                             [](const auto& entry) { return is_dead(entry.second, kDeathMs); }) &&
         is_dead(command, kDeathMs) && sent;
}

}  // namespace stress
