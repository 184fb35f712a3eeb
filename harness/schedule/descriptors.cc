#include "harness/schedule/descriptors.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

namespace stress {
namespace {

constexpr std::string_view kSocket = "socket:";

bool is_socket(const std::string& name) { return name.starts_with(kSocket); }

}  // namespace

Descriptors descriptors_of(pid_t process) {
  Descriptors open;
  std::error_code error;
  std::filesystem::directory_iterator entry(fmt::format("/proc/{}/fd", process), error);
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const std::string name = std::filesystem::read_symlink(entry->path(), gone);
    if (gone || name.empty()) continue;
    const bool is_file = name.front() == '/';
    if (!is_file) open.channels.insert(name);
    if (is_file && std::stoi(entry->path().filename()) > STDERR_FILENO) open.files.insert(name);
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
