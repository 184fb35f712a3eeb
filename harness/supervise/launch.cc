#include "harness/supervise/launch.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "harness/supervise/own_proc.h"
#include "harness/supervise/reaper.h"

namespace stress {
namespace {

/// Shared by parent and child for the hand-over of the listener. The child cannot write to a pipe
/// for it: write itself may be trapped, and nobody would listen yet.
struct Handshake {
  std::atomic<std::int32_t> stage{0};  ///< 0 starting, 1 filter set, 2 listener taken, 3 failed
  std::atomic<std::int32_t> value{0};  ///< stage 1: fd number; stage 3: errno
};

/// Everything the child needs, prepared before fork: after it only async-signal-safe calls.
struct ChildPlan {
  char* const* argv;
  char* const* env;
  const char* cwd;
  int in;
  int out;
  int join_fd;
  const sock_fprog* filter;
  Handshake* handshake;
};

long futex(std::atomic<std::int32_t>* word, int operation, std::int32_t value,
           const timespec* timeout) {
  return syscall(SYS_futex, word, operation, value, timeout, nullptr, 0);
}

[[noreturn]] void give_up(const ChildPlan& plan, int error_number) {
  plan.handshake->value = error_number;
  plan.handshake->stage = 3;
  futex(&plan.handshake->stage, FUTEX_WAKE, 1, nullptr);
  _exit(127);
}

void install_filter(const ChildPlan& plan) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(plan, errno);
  // Without WAIT_KILLABLE_RECV a signal would make an emulated write run twice.
  constexpr unsigned kFlags =
      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  const long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, plan.filter);
  if (fd < 0) give_up(plan, errno);
  plan.handshake->value = static_cast<std::int32_t>(fd);
  plan.handshake->stage = 1;
  futex(&plan.handshake->stage, FUTEX_WAKE, 1, nullptr);
  while (plan.handshake->stage == 1) futex(&plan.handshake->stage, FUTEX_WAIT, 1, nullptr);
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  setpgid(0, 0);
  if (plan.join_fd >= 0 && ::write(plan.join_fd, "0", 1) != 1) give_up(plan, errno);
  for (int signal_number = 1; signal_number < 32; ++signal_number) {
    if (signal_number != SIGKILL && signal_number != SIGSTOP) signal(signal_number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.cwd != nullptr && chdir(plan.cwd) != 0) give_up(plan, errno);
  if (dup2(plan.in, 0) < 0 || dup2(plan.out, 1) < 0 || dup2(plan.out, 2) < 0) give_up(plan, errno);
  // Close-on-exec rather than close: the listener must stay open until the parent has taken it.
  syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
  if (plan.filter != nullptr) install_filter(plan);
  execve(plan.argv[0], plan.argv, plan.env);
  _exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::unexpected<base::Error> forbidden(const char* call, int error_number) {
  return base::fail(base::Errc::kUnavailable,
                    "a container or a setting of this machine forbids supervision ({}: {})", call,
                    strerror(error_number));
}

/// Waits until the child has set its filter or failed; a child that dies meanwhile counts as
/// failed.
base::Result<int> await_filter(Handshake& handshake, int pidfd) {
  while (handshake.stage == 0) {
    const timespec slice{0, 50'000'000};
    futex(&handshake.stage, FUTEX_WAIT, 0, &slice);
    pollfd dead{pidfd, POLLIN, 0};
    if (handshake.stage == 0 && poll(&dead, 1, 0) == 1) {
      return base::fail(base::Errc::kIo, "the child died before it could be supervised");
    }
  }
  if (handshake.stage == 1) return handshake.value.load();
  const int error_number = handshake.value;
  if (error_number == EBUSY) {
    return base::fail(base::Errc::kUnavailable,
                      "another supervisor already listens to this process's system calls (EBUSY): "
                      "run outside of it");
  }
  if (error_number == EINVAL || error_number == ENOSYS) {
    return base::fail(base::Errc::kUnavailable,
                      "this kernel is too old: supervision needs Linux 5.19 or later (seccomp: {})",
                      strerror(error_number));
  }
  return forbidden("seccomp", error_number);
}

}  // namespace

base::Result<Launched> launch(const LaunchSpec& spec, const BpfProgram* filter, int join_fd) {
  if (access(spec.argv.at(0).c_str(), X_OK) != 0) {
    return base::fail_errno(errno, "execute", spec.argv[0]);
  }
  const base::UniqueFd in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::filesystem::path output = spec.output.empty() ? "/dev/null" : spec.output;
  const base::UniqueFd out(open(output.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!in.valid() || !out.valid()) return base::fail_errno(errno, "open", output);

  void* page =
      mmap(nullptr, sizeof(Handshake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return base::fail_errno(errno, "map", "shared page");
  auto* handshake = new (page) Handshake;
  const auto unmap = [page] { munmap(page, sizeof(Handshake)); };

  const std::vector<char*> argv = pointers(spec.argv);
  const std::vector<char*> env = pointers(spec.env);
  sock_fprog program{};
  if (filter != nullptr) {
    program.len = static_cast<unsigned short>(filter->size());
    program.filter = const_cast<sock_filter*>(filter->data());
  }
  const ChildPlan plan{
      argv.data(), env.data(), spec.cwd.empty() ? nullptr : spec.cwd.c_str(), in.get(),
      out.get(),   join_fd,    filter != nullptr ? &program : nullptr,        handshake};

  const pid_t pid = fork();
  if (pid < 0) {
    unmap();
    return base::fail_errno(errno, "fork for", spec.argv[0]);
  }
  if (pid == 0) run_child(plan);

  own_child(pid);
  Launched launched;
  launched.pid = pid;
  launched.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (filter == nullptr) {
    unmap();
    return launched;
  }
  const auto abandon = [&] {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    disown_child(pid);
    unmap();
  };
  const base::Result<int> number = await_filter(*handshake, launched.pidfd.get());
  if (!number) {
    abandon();
    return std::unexpected(number.error());
  }
  launched.listener.reset(
      static_cast<int>(syscall(SYS_pidfd_getfd, launched.pidfd.get(), *number, 0)));
  if (!launched.listener.valid()) {
    const int error_number = errno;
    abandon();
    return forbidden("pidfd_getfd", error_number);
  }
  handshake->stage = 2;
  futex(&handshake->stage, FUTEX_WAKE, 1, nullptr);
  unmap();  // the child keeps its own mapping until execve
  return launched;
}

namespace {

/// Whether what a stopped child is about to do can be known. It waits in its execve, and until then
/// its memory is laid out as this process's.
base::Status can_look_into(pid_t child) {
  static const char kByte = 'x';
  char read = 0;
  const iovec local{&read, 1};
  const iovec remote{const_cast<char*>(&kByte), 1};
  if (process_vm_readv(child, &local, 1, &remote, 1, 0) != 1) {
    return forbidden("process_vm_readv", errno);
  }
  return {};
}

}  // namespace

base::Status probe_supervision() {
  const base::Result<BpfProgram> filter = build_filter(kCrashSet);
  if (!filter) return std::unexpected(filter.error());
  const base::Result<Launched> child = launch({{"/bin/true"}, {}, {}, {}}, &*filter, -1);
  if (!child) return std::unexpected(child.error());
  base::Status possible = check_own_proc();
  if (possible) possible = can_look_into(child->pid);
  kill(child->pid, SIGKILL);  // it waits in its execve, unanswered
  waitpid(child->pid, nullptr, 0);
  disown_child(child->pid);
  return possible;
}

}  // namespace stress
