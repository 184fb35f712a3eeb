// The child runs in the memory of its parent, whose threads go on meanwhile, with the thread-local
// storage of the thread that started it. So it makes bare system calls (no errno), calls no library
// (no lock, no allocation, no interceptor of a sanitizer) and writes to its plan and its own stack
// only. This file is compiled without sanitizers for that reason.
#include "harness/supervise/launch_child.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace stress {
namespace {

/// As the kernel lays it out; glibc's has another order.
struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};

// NOLINTBEGIN(hicpp-no-assembler): there is no call without errno in C

/// The result, or -errno.
long bare(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  long result = 0;
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                   : "rcx", "r11", "memory");
  return result;
}

/// A call that returns twice, clone(2) or clone3(2): its child calls body(plan) on its own stack,
/// and never returns from it.
long call_twice(long number, long a, long b, long d, void (*body)(ChildPlan*), ChildPlan* plan) {
  long result = 0;
  register long fourth __asm__("r10") = d;
  register void (*called)(ChildPlan*) __asm__("r12") = body;
  register ChildPlan* given __asm__("r13") = plan;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"  // the end of the chain of frames, for debuggers
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(number), "D"(a), "S"(b), "d"(0L), "r"(fourth), "r"(called), "r"(given)
      : "rcx", "r11", "memory");
  return result;
}

// NOLINTEND(hicpp-no-assembler)

template <class T>
long address(const T* pointer) {
  return reinterpret_cast<long>(pointer);
}

void tell(ChildPlan& plan, ChildPlan::Stage stage) {
  __atomic_store_n(&plan.stage, stage, __ATOMIC_RELEASE);
  bare(SYS_futex, address(&plan.stage), FUTEX_WAKE_PRIVATE, 1);
}

[[noreturn]] void end() {
  for (;;) bare(SYS_exit_group, 127);
}

/// Ends the child where `result` is an error.
long must(ChildPlan& plan, const char* call, long result) {
  if (result >= 0) return result;
  plan.failed_call = call;
  plan.error_number = static_cast<std::int32_t>(-result);
  tell(plan, ChildPlan::kFailed);
  end();
}

void reset_signals() {
  KernelSigaction action{SIG_DFL, 0, nullptr, 0};
  constexpr long kSetBytes = sizeof action.mask;
  for (int number = 1; number < 32; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    bare(SYS_rt_sigaction, number, address(&action), 0, kSetBytes);
  }
  const unsigned long none = 0;
  bare(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, kSetBytes);
}

void set_filter(ChildPlan& plan) {
  must(plan, "prctl", bare(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1));
  // Without WAIT_KILLABLE_RECV a signal would make an emulated write run twice.
  constexpr long kFlags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  const long fd = bare(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, address(plan.filter));
  plan.listener = static_cast<std::int32_t>(must(plan, "seccomp", fd));
}

void run_child(ChildPlan* given) {
  ChildPlan& plan = *given;
  bare(SYS_setpgid, 0, 0);
  if (plan.join_fd >= 0 && !plan.born_in_cgroup)
    must(plan, "write", bare(SYS_write, plan.join_fd, address("0"), 1));
  reset_signals();
  if (plan.cwd != nullptr) must(plan, "chdir", bare(SYS_chdir, address(plan.cwd)));
  if (plan.fixed_addresses) {
    constexpr long kAsk = 0xffffffff;
    must(plan, "personality",
         bare(SYS_personality, bare(SYS_personality, kAsk) | ADDR_NO_RANDOMIZE));
  }
  if (plan.filter != nullptr) set_filter(plan);
  // From here on it has descriptors of its own. What it does to them is not trapped.
  constexpr long kFlags = 2 /* CLOSE_RANGE_UNSHARE */ | 4 /* CLOSE_RANGE_CLOEXEC */;
  must(plan, "close_range", bare(SYS_close_range, 3, 0xffffffff, kFlags));
  // Who held its own listener would wait for ever once nobody else does.
  if (plan.filter != nullptr) bare(SYS_close, plan.listener);
  must(plan, "dup2", bare(SYS_dup2, plan.in, 0));
  must(plan, "dup2", bare(SYS_dup2, plan.out, 1));
  must(plan, "dup2", bare(SYS_dup2, plan.error, 2));
  tell(plan, ChildPlan::kReady);
  bare(SYS_execve, address(plan.argv[0]), address(plan.argv), address(plan.env));
  end();
}

}  // namespace

pid_t start_child(ChildPlan& plan, std::byte* stack, std::size_t stack_bytes) {
  plan.in_use = 1;
  // The listener is born among the parent's descriptors.
  const long shared = CLONE_VM | (plan.filter != nullptr ? CLONE_FILES : 0);
  long pid = -1;
  if (plan.cgroup_folder >= 0) {
    // To move there later takes the kernel some ten milliseconds.
    plan.born_in_cgroup = true;
    clone_args arguments{};
    arguments.flags = static_cast<__u64>(shared) | CLONE_CHILD_CLEARTID | CLONE_INTO_CGROUP;
    arguments.child_tid = static_cast<__u64>(address(&plan.in_use));
    arguments.exit_signal = SIGCHLD;
    arguments.stack = static_cast<__u64>(address(stack));
    arguments.stack_size = stack_bytes;
    arguments.cgroup = static_cast<__u64>(plan.cgroup_folder);
    pid = call_twice(SYS_clone3, address(&arguments), sizeof arguments, 0, run_child, &plan);
  }
  if (pid < 0) {
    plan.born_in_cgroup = false;
    pid = call_twice(SYS_clone, shared | CLONE_CHILD_CLEARTID | SIGCHLD,
                     address(stack + stack_bytes), address(&plan.in_use), run_child, &plan);
  }
  if (pid < 0) plan.in_use = 0;
  return static_cast<pid_t>(pid);
}

}  // namespace stress
