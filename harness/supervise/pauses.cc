#include "harness/supervise/pauses.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "harness/supervise/command_kill.h"

namespace stress {
namespace {

bool send(const base::UniqueFd& process, int signal_number) {
  return syscall(SYS_pidfd_send_signal, process.get(), signal_number, nullptr, 0) == 0;
}

struct Found {
  pid_t pid;
  base::UniqueFd process;  ///< not valid: it is gone
};

Found find_victim(const Stopped& stopped, const Launched& launched, Victim victim) {
  const Op& op = stopped.op;
  if (victim == Victim::kLaunched) {
    return {launched.pid, base::UniqueFd(fcntl(launched.pidfd.get(), F_DUPFD_CLOEXEC, 0))};
  }
  if (victim == Victim::kCommand) return {op.command, open_command(op)};
  base::UniqueFd caller(static_cast<int>(syscall(SYS_pidfd_open, op.pid, 0)));
  if (!stopped.still_there()) caller.reset();  // the number may be another's by now
  return {op.pid, std::move(caller)};
}

}  // namespace

bool Pauses::add(const Stopped& stopped, const Launched& launched, const Pause& pause) {
  auto [pid, process] = find_victim(stopped, launched, pause.victim);
  if (!process.valid() || !send(process, SIGSTOP)) return false;
  const TimePoint resume_at = std::chrono::steady_clock::now() + pause.duration;
  paused_.insert_or_assign(pid, Paused{std::move(process), resume_at});
  return true;
}

void Pauses::resume(bool all) {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(paused_, [&](const auto& entry) {
    if (!all && now < entry.second.resume_at) return false;
    send(entry.second.process, SIGCONT);
    return true;
  });
}

std::optional<Pauses::TimePoint> Pauses::next() const {
  std::optional<TimePoint> first;
  for (const auto& [pid, paused] : paused_) {
    first = std::min(first.value_or(paused.resume_at), paused.resume_at);
  }
  return first;
}

}  // namespace stress
