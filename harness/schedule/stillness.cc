#include "harness/schedule/stillness.h"

#include <signal.h>

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "harness/supervise/process_table.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

std::string_view line_of(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + name.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// Whether it has a turn. Where it is in the queue for one, although it says that it sleeps (who
/// waits for a child says so while he collects one, and may be interrupted there), the kernel
/// answers when it has had its turn.
bool has_a_turn(pid_t tid) {
  return base::read_file(fmt::format("/proc/{}/syscall", tid)).value_or("").starts_with("running");
}

/// What changes each time that it runs: how long it has, in all. Empty where the kernel does not
/// count.
std::string turns_of(pid_t tid) {
  std::string turns = base::read_file(fmt::format("/proc/{}/schedstat", tid)).value_or("");
  return turns == "0 0 0\n" ? std::string() : turns;
}

/// One of the two goes up when it stops running.
std::string switches_in(std::string_view status) {
  return fmt::format("{}/{}", line_of(status, "\nvoluntary_ctxt_switches:\t"),
                     line_of(status, "\nnonvoluntary_ctxt_switches:\t"));
}

}  // namespace

Motion look_at(ScheduledTask& task, Sign sign) {
  if (!task.look.empty() && has_a_turn(task.tid)) {
    task.look.clear();
    return Motion::kMoves;
  }
  std::string look = sign == Sign::kTurns ? turns_of(task.tid) : std::string();
  if (!look.empty() && look == task.look) return Motion::kSleeps;
  const std::string status = base::read_file(fmt::format("/proc/{}/status", task.tid)).value_or("");
  const std::string_view state = line_of(status, "State:\t");
  if (state.empty() || state.front() == 'Z' || state.front() == 'X') return Motion::kGone;
  const bool in_vfork = state.front() == 'D' && task.in_fork && task.has_made;
  if (state.front() != 'S' && state.front() != 'T' && state.front() != 't' && !in_vfork) {
    task.look.clear();
    return Motion::kMoves;
  }
  if (look.empty()) look = switches_in(status);
  const bool same = look == task.look;
  task.look = std::move(look);
  return same ? Motion::kSleeps : Motion::kSlept;
}

bool is_awake(pid_t tid) {
  const auto stat = read_stat(tid);
  return stat && !stat->dead() &&
         std::string_view("STtD").find(stat->state) == std::string_view::npos;
}

bool is_doomed(pid_t tid) {
  const std::string status = base::read_file(fmt::format("/proc/{}/status", tid)).value_or("");
  const std::string pending(line_of(status, "\nSigPnd:\t"));
  if (pending.empty()) return true;
  return (std::strtoull(pending.c_str(), nullptr, 16) >> (SIGKILL - 1) & 1) != 0;
}

}  // namespace stress
