#include "harness/supervise/members.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "harness/supervise/group.h"
#include "harness/supervise/process_table.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/pidfd.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

using std::chrono::milliseconds;

/// The cgroup and all below it, deepest first.
std::vector<std::filesystem::path> tree_of(const std::filesystem::path& cgroup) {
  std::vector<std::filesystem::path> folders;
  if (cgroup.empty()) return folders;
  folders.push_back(cgroup);
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(cgroup, error);
  const std::filesystem::recursive_directory_iterator end;
  while (!error && entry != end) {
    std::error_code gone;
    if (entry->is_directory(gone) && !gone) folders.push_back(entry->path());
    entry.increment(error);
  }
  std::sort(folders.begin(), folders.end(), [](const auto& left, const auto& right) {
    return left.native().size() > right.native().size();
  });
  return folders;
}

std::set<pid_t> in_cgroup(const std::filesystem::path& cgroup) {
  std::set<pid_t> pids;
  for (const auto& folder : tree_of(cgroup)) {
    std::istringstream text(base::read_file(folder / "cgroup.procs").value_or(""));
    for (pid_t pid = 0; text >> pid;) {
      if (pid > 0) pids.insert(pid);  // 0: a process of a pid namespace that is not ours
    }
  }
  return pids;
}

/// Where the kernel has cgroup.kill (5.14), nothing can escape it by forking.
void kill_cgroup(const std::filesystem::path& cgroup) {
  if (cgroup.empty()) return;
  const base::UniqueFd file(::open((cgroup / "cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return;
  // What fails here is found and killed one by one afterwards.
  [[maybe_unused]] const ssize_t written = ::write(file.get(), "1", 1);
}

/// Each found member by a descriptor, which cannot come to mean another process.
std::map<pid_t, base::UniqueFd> open_members(const std::vector<Group::Member>& members) {
  std::map<pid_t, base::UniqueFd> opened;
  for (const auto& member : members) {
    base::UniqueFd fd(::pidfd_open(member.pid, 0));
    if (fd.valid()) opened.emplace(member.pid, std::move(fd));  // else gone, or for the next round
  }
  return opened;
}

/// Until all have died or the time is over.
void wait_for_all(const std::map<pid_t, base::UniqueFd>& opened, milliseconds time) {
  const std::int64_t deadline = base::monotonic_ns() + std::chrono::nanoseconds(time).count();
  std::vector<pollfd> waiting;
  waiting.reserve(opened.size());
  for (const auto& [pid, fd] : opened) waiting.push_back({.fd = fd.get(), .events = POLLIN});
  while (!waiting.empty()) {
    const std::int64_t left = (deadline - base::monotonic_ns()) / 1'000'000;
    if (left <= 0 || ::poll(waiting.data(), waiting.size(), static_cast<int>(left)) == 0) return;
    std::erase_if(waiting, [](const pollfd& entry) { return entry.revents != 0; });
  }
}

std::string describe(const std::vector<Group::Member>& members) {
  std::string text;
  for (const auto& member : members) {
    text += fmt::format("{}{} ({}, state {})", text.empty() ? "" : ", ", member.pid,
                        member.command.empty() ? "?" : member.command, member.state);
  }
  return text;
}

}  // namespace

std::string run_environment(const std::string& token) { return "SPAWNSTORM_RUN=" + token; }

std::vector<Group::Member> find_members(const std::string& token,
                                        const std::filesystem::path& cgroup) {
  const std::string mark = run_environment(token);
  const std::set<pid_t> listed = in_cgroup(cgroup);
  std::vector<Group::Member> members;
  for (const pid_t pid : all_processes()) {
    if (pid == ::getpid()) continue;
    if (!listed.contains(pid) && !has_environment(pid, mark)) continue;
    const auto stat = read_stat(pid);
    if (!stat || stat->dead()) continue;
    members.push_back({pid, stat->parent, stat->process_group, stat->state, command_line(pid)});
  }
  return members;
}

base::Status end_members(const std::string& token, const std::filesystem::path& cgroup,
                         milliseconds timeout, const std::function<void()>& each_round) {
  constexpr milliseconds kRound{200};  // then look again: some may have forked meanwhile
  const std::int64_t deadline = base::monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  for (int looks_without_any = 0; looks_without_any < 2;) {
    kill_cgroup(cgroup);
    const auto found = find_members(token, cgroup);
    if (found.empty()) {
      ++looks_without_any;
      continue;
    }
    looks_without_any = 0;
    auto opened = open_members(found);
    // A number may have been given away between the look and the opening: only who is still a
    // member now is the process that was opened.
    for (const auto& member : find_members(token, cgroup)) {
      const auto fd = opened.find(member.pid);
      if (fd != opened.end()) ::pidfd_send_signal(fd->second.get(), SIGKILL, nullptr, 0);
    }
    wait_for_all(opened, kRound);
    if (each_round) each_round();
    if (base::monotonic_ns() > deadline) {
      const auto left = find_members(token, cgroup);
      if (left.empty()) continue;
      return base::fail(base::Errc::kTimeout,
                        "kill the processes of run {}: after {} ms there are {}", token,
                        timeout.count(), describe(left));
    }
  }
  return {};
}

base::Status remove_cgroup(const std::filesystem::path& cgroup, milliseconds timeout) {
  const std::int64_t deadline = base::monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  for (const auto& folder : tree_of(cgroup)) {
    while (::rmdir(folder.c_str()) != 0 && errno != ENOENT) {
      if (errno != EBUSY) return base::fail_errno(errno, "remove cgroup", folder);
      const std::int64_t left = (deadline - base::monotonic_ns()) / 1'000'000;
      if (left <= 0) {
        return base::fail(base::Errc::kTimeout, "remove cgroup {}: it is still in use after {} ms",
                          folder.string(), timeout.count());
      }
      // The kernel tells of the last member's end by a change of this file.
      const base::UniqueFd events(::open((folder / "cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
      pollfd change{.fd = events.get(), .events = POLLPRI, .revents = 0};
      ::poll(&change, 1, static_cast<int>(std::min<std::int64_t>(left, 50)));
    }
  }
  return {};
}

}  // namespace stress
