#include "harness/campaign/stalls.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using std::chrono::steady_clock;

constexpr auto kObservation = std::chrono::seconds(5);
constexpr auto kBetweenLooks = std::chrono::milliseconds(100);

struct Tasks {
  std::string counts;  ///< state and switch counts of each
  bool asleep = true;  ///< none of them runs, could run, or waits for a disk
};

void add_tasks(pid_t pid, Tasks& tasks, pid_t except = 0) {
  const std::string folder = fmt::format("/proc/{}/task", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
  while (const dirent* entry = entries == nullptr ? nullptr : readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with('.') || name == std::to_string(except)) continue;
    std::ifstream status(fmt::format("{}/{}/status", folder, name));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:\tR") || line.starts_with("State:\tD")) tasks.asleep = false;
      if (line.starts_with("State:") || line.contains("ctxt_switches")) tasks.counts += line + ";";
    }
  }
}

/// Process groups of all spawners.
std::set<pid_t> spawners(const ControlBlock& control) {
  std::set<pid_t> groups;
  for (const ThreadState& state : control.threads) {
    if (state.tid != 0) groups.insert(getpgid(state.tid));
  }
  return groups;
}

/// The harness's own threads but the one that looks: an answer that they owe is no stall.
bool supervisor_idle() {
  Tasks self;
  add_tasks(getpid(), self, gettid());
  return self.asleep;
}

}  // namespace

bool StallWatch::look() {
  const auto now = steady_clock::now();
  if (now - looked_ < kBetweenLooks) return false;
  looked_ = now;
  bool found = false;
  for (const ThreadState& state : control_.threads) {
    if (state.op == 0) continue;
    const Nanoseconds waited = base::monotonic_ns() - state.since;
    if (waited >= std::chrono::nanoseconds(overdue_).count()) found |= judge(state, waited);
  }
  return found;
}

bool StallWatch::judge(const ThreadState& state, Nanoseconds waited) {
  const std::uint64_t op = state.op;
  const std::set<pid_t> spawner_groups = spawners(control_);
  const pid_t own_group = getpgid(state.tid);
  Tasks own;
  Tasks servers;  // of several spawners, so that their counts say nothing
  for (const Group::Member& member : group_.members()) {
    if (member.process_group == own_group) {
      add_tasks(member.pid, own);
    } else if (!spawner_groups.contains(member.process_group)) {
      add_tasks(member.pid, servers);
    }
  }
  const auto now = steady_clock::now();
  const auto [suspect, fresh] = suspects_.try_emplace(op, Suspect{now, own.counts});
  if (fresh) return false;
  const bool moved = !own.asleep || own.counts != suspect->second.tasks || own.counts.empty();
  if (moved) suspect->second = {now, own.counts};
  const bool proven =
      !moved && now - suspect->second.since >= kObservation && servers.asleep && supervisor_idle();
  if (!proven && waited < 4 * std::chrono::nanoseconds(overdue_).count()) return false;
  if (!proven && !moved && now - suspect->second.since < kObservation) return false;
  collector_.with(
      [&](Evidence& evidence) { evidence.stalls.push_back({op, waited, proven, own.counts}); });
  return true;
}

}  // namespace stress
