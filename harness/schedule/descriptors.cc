#include "harness/schedule/descriptors.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "harness/supervise/proc_folder.h"

namespace stress {
namespace {

constexpr std::string_view kSocket = "socket:";

bool is_socket(const std::string& name) { return name.starts_with(kSocket); }

}  // namespace

Descriptors descriptors_of(pid_t process) {
  Descriptors open;
  const ProcFolder folder(fmt::format("/proc/{}/fd", process));
  for (const int fd : folder.numbers()) {
    std::string name = link_at(folder.fd(), std::to_string(fd).c_str());
    if (name.empty()) continue;
    if (name.front() != '/') {
      open.channels.insert(std::move(name));
    } else if (fd > STDERR_FILENO) {
      open.files.insert(std::move(name));
    }
  }
  return open;
}

const Descriptors& DescriptorTable::of(const ScheduledTask& task) {
  const bool parked = task.state == ScheduledTask::State::kParked;
  const std::string since = fmt::format(
      "{} {}", task.pid, parked ? fmt::to_string(task.stopped.notification.id) : task.look);
  Known& known = known_[task.label];
  const bool may_have_run = task.threads > 1 || known.since != since;
  if (may_have_run) known = {since, descriptors_of(task.pid)};
  return known.descriptors;
}

bool are_joined(const std::set<std::string>& one, const std::set<std::string>& other) {
  if (std::ranges::any_of(one, is_socket) && std::ranges::any_of(other, is_socket)) return true;
  return std::ranges::any_of(one, [&](const std::string& name) { return other.contains(name); });
}

}  // namespace stress
