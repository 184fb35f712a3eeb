#include "harness/campaign/stalls.h"

#include <dirent.h>

#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "orchestrator/base/clock.h"

namespace stress {
namespace {

constexpr auto kObservation = std::chrono::seconds(5);

/// One line per task of the process: state and switch counts. Empty when it is gone; `asleep` is
/// cleared where one of them runs.
std::string tasks_of(std::int32_t tid, bool& asleep) {
  const std::string folder = fmt::format("/proc/{}/task", tid);
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(opendir(folder.c_str()), closedir);
  std::string text;
  while (const dirent* entry = tasks == nullptr ? nullptr : readdir(tasks.get())) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream status(fmt::format("{}/{}/status", folder, entry->d_name));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:") && line.find('R') != std::string::npos) asleep = false;
      if (line.starts_with("State:") || line.find("ctxt_switches") != std::string::npos) {
        text += line + ";";
      }
    }
  }
  return text;
}

}  // namespace

bool StallWatch::look() {
  const Nanoseconds now = base::monotonic_ns();
  bool found = false;
  for (const ThreadState& state : control_.threads) {
    const std::uint64_t op = state.op;
    if (op == 0) continue;
    const Nanoseconds waited = now - state.since;
    if (waited < std::chrono::nanoseconds(overdue_).count()) continue;
    bool asleep = true;
    const std::string tasks = tasks_of(state.tid, asleep);
    const auto [suspect, fresh] =
        suspects_.try_emplace(op, Suspect{std::chrono::steady_clock::now(), tasks});
    if (fresh) continue;
    const bool moved = !asleep || tasks != suspect->second.tasks || tasks.empty();
    if (!moved && std::chrono::steady_clock::now() - suspect->second.since < kObservation) continue;
    if (moved && waited < 4 * std::chrono::nanoseconds(overdue_).count()) {
      suspect->second = {std::chrono::steady_clock::now(), tasks};
      continue;
    }
    collector_.with(
        [&](Evidence& evidence) { evidence.stalls.push_back({op, waited, !moved, tasks}); });
    found = true;
  }
  return found;
}

}  // namespace stress
