#include "harness/schedule/lives.h"

#include <signal.h>
#include <sys/syscall.h>

#include <charconv>

#include <fmt/format.h>

#include "harness/supervise/process_table.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

std::optional<pid_t> number_in(std::string_view text) {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

std::optional<pid_t> below_proc(std::string_view path) {
  constexpr std::string_view kProc = "/proc/";
  if (!path.starts_with(kProc)) return std::nullopt;
  path.remove_prefix(kProc.size());
  return number_in(path.substr(0, path.find('/')));
}

std::optional<pid_t> behind_descriptor(pid_t task, std::uint64_t fd) {
  constexpr std::string_view kName = "\nPid:\t";
  const std::string info =
      base::read_file(fmt::format("/proc/{}/fdinfo/{}", task, fd)).value_or("");
  const std::size_t at = info.find(kName);
  if (at == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(info).substr(at + kName.size());
  return number_in(rest.substr(0, rest.find('\n')));
}

}  // namespace

std::optional<pid_t> asked_about(const Op& op) {
  if (op.sys == Sys::kOpen || (op.sys == Sys::kLook && op.fd < 0)) return below_proc(op.path);
  if (op.sys != Sys::kSignal || op.flags != 0) return std::nullopt;
  if (op.number == SYS_pidfd_send_signal) return behind_descriptor(op.tid, op.arguments[0]);
  const auto whom = static_cast<pid_t>(op.arguments[0]);
  if (whom == 0 || whom == -1) return std::nullopt;
  return whom < 0 ? -whom : whom;
}

std::string_view standing_of(pid_t process) {
  const std::optional<ProcessStat> stat = read_stat(process);
  if (!stat) return "is gone";
  return stat->dead() ? "is a zombie" : "lives";
}

std::vector<Lives::Change> Lives::changes(const TaskTable& tasks) {
  std::vector<Change> changes;
  for (const auto& [label, task] : tasks.all()) {
    if (task->tid != task->pid) continue;
    if (task->state != ScheduledTask::State::kDead) {
      living_.insert(label);
      continue;
    }
    if (living_.erase(label) > 0) {
      changes.push_back({label, task->pid, false});
      unreaped_.insert(label);
    }
    if (unreaped_.contains(label) && ::kill(task->pid, 0) != 0) {
      changes.push_back({label, task->pid, true});
      unreaped_.erase(label);
    }
  }
  return changes;
}

}  // namespace stress
