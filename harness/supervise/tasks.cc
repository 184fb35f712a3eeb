#include "harness/supervise/tasks.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "harness/supervise/proc_folder.h"
#include "harness/supervise/process_table.h"

namespace stress {
namespace {

/// The number behind "Key:" in /proc/TID/status; 0 where there is none.
pid_t status_field(const std::string& status, std::string_view key) {
  const std::size_t at = status.find(key);
  if (at == std::string::npos) return 0;
  const char* begin = status.data() + at + key.size();
  const char* end = status.data() + status.size();
  while (begin != end && (*begin == '\t' || *begin == ' ')) ++begin;
  pid_t value = 0;
  std::from_chars(begin, end, value);
  return value;
}

base::UniqueFd open_proc(pid_t tid) {
  const std::string path = fmt::format("/proc/{}", tid);
  return base::UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// The thread of `root` whose child `pid` is. /proc/P/task/T/children lists what T itself forked.
pid_t forking_thread(pid_t root, pid_t pid) {
  const ProcFolder threads(fmt::format("/proc/{}/task", root));
  for (const pid_t thread : threads.numbers()) {
    std::istringstream children(text_at(threads.fd(), fmt::format("{}/children", thread).c_str()));
    for (pid_t child = 0; children >> child;) {
      if (child == pid) return thread;
    }
  }
  return 0;
}

/// One cheap look tells whether the folder still names a living task: none may look into it then.
bool lives(const Task& task) { return faccessat(task.proc.get(), "", F_OK, AT_EMPTY_PATH) == 0; }

}  // namespace

Task* Tasks::find(pid_t tid) {
  const auto known = tasks_.find(tid);
  if (known != tasks_.end()) {
    if (lives(known->second)) return &known->second;
    tasks_.erase(known);
  }
  if (tasks_.size() >= sweep_at_) forget_the_dead();
  Task task;
  task.proc = open_proc(tid);
  if (!task.proc.valid()) return nullptr;
  task.pid = status_field(text(task, "status"), "Tgid:");
  if (task.pid == 0) return nullptr;
  if (task.pid == root_) {
    task.origin = tid;
  } else {
    const Origin origin = origin_of(task.pid);
    task.origin = origin.thread;
    task.command = origin.command;
    task.command_start = origin.command_start;
    constexpr std::size_t kDescendantsKept = 8;
    if (descendants_.size() == kDescendantsKept) {
      tasks_.erase(descendants_.front());
      descendants_.erase(descendants_.begin());
    }
    descendants_.push_back(tid);
  }
  return &tasks_.insert_or_assign(tid, std::move(task)).first->second;
}

void Tasks::forget_the_dead() {
  std::erase_if(tasks_, [](const auto& entry) { return !lives(entry.second); });
  std::erase_if(descendants_, [this](pid_t tid) { return !tasks_.contains(tid); });
  sweep_at_ = std::max<std::size_t>(32, 2 * tasks_.size());
}

Tasks::Origin Tasks::origin_of(pid_t pid) {
  const std::optional<ProcessStat> stat = read_stat(pid);
  if (!stat) return {};
  const auto known = origins_.find(pid);
  if (known != origins_.end() && known->second.start_ticks == stat->start_ticks) {
    return known->second;
  }
  Origin origin;
  if (stat->parent == root_) {
    origin = {0, forking_thread(root_, pid), pid, stat->start_ticks};
  } else if (stat->parent > 1) {
    // A parent that was never stopped itself is looked up now; a stranger's chain ends at 1.
    origin = origin_of(stat->parent);
  }
  origin.start_ticks = stat->start_ticks;
  origins_[pid] = origin;
  return origin;
}

std::string Tasks::link(const Task& task, const std::string& name) {
  return link_at(task.proc.get(), name.c_str());
}

std::string Tasks::text(const Task& task, const std::string& name) {
  return text_at(task.proc.get(), name.c_str());
}

std::string Tasks::memory(pid_t tid, std::uint64_t address, std::size_t bytes) {
  std::string content(bytes, '\0');
  iovec local{content.data(), bytes};
  iovec remote{reinterpret_cast<void*>(address), bytes};  // NOLINT(performance-no-int-to-ptr)
  const ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
  content.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return content;
}

std::string Tasks::c_string(pid_t tid, std::uint64_t address, std::size_t bytes_max) {
  std::string text;
  while (text.size() < bytes_max) {
    // Up to the end of the page only: the next one may not be mapped.
    const std::size_t step = 4096 - (address + text.size()) % 4096;
    const std::string piece = memory(tid, address + text.size(), std::min<std::size_t>(step, 256));
    if (piece.empty()) break;
    const std::size_t end = piece.find('\0');
    text.append(piece, 0, end);
    if (end != std::string::npos) break;
  }
  return text;
}

}  // namespace stress
