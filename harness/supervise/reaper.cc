#include "harness/supervise/reaper.h"

#include <sys/wait.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "harness/supervise/process_table.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using Named = std::pair<pid_t, std::uint64_t>;  // pid and start: a pid alone is recycled

struct Children {
  std::mutex mutex;
  std::set<pid_t> owned;
  std::set<Named> seen;  // zombies at the last call
};

Children& children() {
  static Children instance;
  return instance;
}

bool any_zombie_child() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/// In the version 2 hierarchy; those of version 1 forget where a zombie was.
std::string cgroup_of(std::string_view process) {
  std::istringstream lines(base::read_file(fmt::format("/proc/{}/cgroup", process)).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::")) return line;
  }
  return {};
}

/// Not where this process's own launches stay.
bool lives_elsewhere(const ProcessStat& child) {
  return child.process_group != ::getpgrp() ||
         cgroup_of(std::to_string(child.pid)) != cgroup_of("self");
}

}  // namespace

void own_child(pid_t pid) {
  const std::lock_guard lock(children().mutex);
  children().owned.insert(pid);
}

void disown_child(pid_t pid) {
  const std::lock_guard lock(children().mutex);
  children().owned.erase(pid);
}

int reap_adopted() {
  const std::lock_guard lock(children().mutex);
  std::set<Named> seen;
  int reaped = 0;
  if (any_zombie_child()) {
    for (const pid_t pid : all_processes()) {
      const auto stat = read_stat(pid);
      if (!stat || !stat->dead() || stat->parent != ::getpid()) continue;
      if (children().owned.contains(pid) || !lives_elsewhere(*stat)) continue;
      const Named name{pid, stat->start_ticks};
      if (!children().seen.contains(name)) {
        seen.insert(name);
      } else if (::waitid(P_PID, static_cast<id_t>(pid), nullptr, WEXITED | WNOHANG) == 0) {
        ++reaped;
      }
    }
  }
  children().seen = std::move(seen);
  return reaped;
}

}  // namespace stress
