#include "harness/supervise/early_exit.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace stress {
namespace {

using std::chrono::steady_clock;

long trace(__ptrace_request request, pid_t tid, void* data = nullptr) {
  return ptrace(request, tid, nullptr, data);
}

/// Until it stands still for its tracer. False: it was killed instead, and is its parent's again.
bool wait_for_stop(const Op& op) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(30);
  while (steady_clock::now() < deadline) {
    siginfo_t what{};
    // Looked at, not taken: an own child that is dead is for the engine to reap.
    const auto id = static_cast<id_t>(op.tid);
    if (waitid(P_PID, id, &what, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) != 0)
      return false;
    if (what.si_pid != 0 && what.si_code == CLD_TRAPPED) return true;
    if (what.si_pid != 0 && what.si_code != CLD_STOPPED) {
      if (!op.in_root) waitpid(op.tid, nullptr, WNOHANG | __WALL);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return false;
}

}  // namespace

bool end_instead(const Stopped& stopped, int code) {
  const pid_t tid = stopped.op.tid;
  if (trace(PTRACE_SEIZE, tid) != 0) return false;
  if (!stopped.still_there()) {  // a stranger has its number, or nobody
    trace(PTRACE_INTERRUPT, tid);
    if (wait_for_stop(stopped.op)) trace(PTRACE_DETACH, tid);
    return false;
  }
  // Asked to stop before it is let go, so that it does on its way out of the call.
  trace(PTRACE_INTERRUPT, tid);
  const bool answered = stopped.respond(EPERM, 0);
  if (!wait_for_stop(stopped.op)) return false;
  user_regs_struct registers{};
  constexpr unsigned long long kSyscallInstruction = 2;  // bytes: 0f 05, the only way in here
  bool sent_back = answered && trace(PTRACE_GETREGS, tid, &registers) == 0 &&
                   registers.rip == stopped.notification.data.instruction_pointer;
  if (sent_back) {
    registers.rip -= kSyscallInstruction;
    registers.rax = SYS_exit_group;
    registers.orig_rax = ~0ull;  // no call that would be made again
    registers.rdi = static_cast<unsigned long long>(code);
    sent_back = trace(PTRACE_SETREGS, tid, &registers) == 0;
  }
  trace(PTRACE_DETACH, tid);
  return sent_back;
}

}  // namespace stress
