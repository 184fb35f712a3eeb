#include "harness/supervise/launch.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>

#include "harness/supervise/launch_memory.h"
#include "harness/supervise/own_proc.h"
#include "harness/supervise/reaper.h"

namespace stress {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::unexpected<base::Error> forbidden(const char* call, int error_number) {
  return base::fail(base::Errc::kUnavailable,
                    "a container or a setting of this machine forbids supervision ({}: {})", call,
                    strerror(error_number));
}

/// Waits until the child is ready or has failed; one that dies meanwhile counts as failed.
base::Status await_ready(const ChildPlan& plan, int pidfd) {
  const auto stage = [&plan] { return __atomic_load_n(&plan.stage, __ATOMIC_ACQUIRE); };
  while (stage() == ChildPlan::kStarting) {
    const timespec slice{0, 50'000'000};
    syscall(SYS_futex, &plan.stage, FUTEX_WAIT_PRIVATE, ChildPlan::kStarting, &slice, nullptr, 0);
    pollfd dead{pidfd, POLLIN, 0};
    if (stage() == ChildPlan::kStarting && poll(&dead, 1, 0) == 1) {
      return base::fail(base::Errc::kIo, "the child died before it could be supervised");
    }
  }
  if (stage() == ChildPlan::kReady) return {};
  const int error_number = plan.error_number;
  const std::string_view call = plan.failed_call;
  if (call == "chdir") return base::fail_errno(error_number, "change to", plan.cwd);
  if (call == "write") return base::fail_errno(error_number, "join", "the cgroup");
  if (call != "seccomp") return forbidden(plan.failed_call, error_number);
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

base::Result<base::UniqueFd> open_output(const std::filesystem::path& path) {
  const char* name = path.empty() ? "/dev/null" : path.c_str();
  base::UniqueFd file(open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return base::fail_errno(errno, "open", name);
  return file;
}

/// The folder of the cgroup whose list of processes this is; not valid: it is not to be had.
base::UniqueFd cgroup_of(int join_fd) {
  if (join_fd < 0) return {};
  std::error_code error;
  const auto list = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", join_fd), error);
  if (error) return {};
  return base::UniqueFd(open(list.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

void fill(LaunchMemory& memory, const LaunchSpec& spec) {
  memory.argv = spec.argv;
  memory.env = spec.env;
  memory.cwd = spec.cwd;
  memory.argv_pointers = pointers(memory.argv);
  memory.env_pointers = pointers(memory.env);
  memory.plan.argv = memory.argv_pointers.data();
  memory.plan.env = memory.env_pointers.data();
  memory.plan.cwd = memory.cwd.empty() ? nullptr : memory.cwd.c_str();
}

/// A handler of this process's must not run in the child, which shares its memory.
pid_t start_with_signals_blocked(LaunchMemory& memory) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = start_child(memory.plan, memory.stack.data(), memory.stack.size());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace

base::Result<Launched> launch(const LaunchSpec& spec, const BpfProgram* filter, int join_fd) {
  if (access(spec.argv.at(0).c_str(), X_OK) != 0) {
    return base::fail_errno(errno, "execute", spec.argv[0]);
  }
  const base::UniqueFd in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!in.valid()) return base::fail_errno(errno, "open", "/dev/null");
  const base::Result<base::UniqueFd> out = open_output(spec.output);
  if (!out) return std::unexpected(out.error());
  base::Result<base::UniqueFd> error;
  if (!spec.error.empty()) error = open_output(spec.error);
  if (!error) return std::unexpected(error.error());

  const base::UniqueFd cgroup = cgroup_of(join_fd);
  sock_fprog program{};
  const HeldLaunchMemory memory = hold_launch_memory();
  fill(*memory, spec);
  ChildPlan& plan = memory->plan;
  plan.in = in.get();
  plan.out = out->get();
  plan.error = error->valid() ? error->get() : out->get();
  plan.join_fd = join_fd;
  plan.cgroup_folder = cgroup.get();
  plan.fixed_addresses = spec.fixed_addresses;
  if (filter != nullptr) {
    program = {static_cast<unsigned short>(filter->size()),
               const_cast<sock_filter*>(filter->data())};
    plan.filter = &program;
  }
  Launched launched;
  launched.pid = start_with_signals_blocked(*memory);
  if (launched.pid < 0) return base::fail_errno(-launched.pid, "start", spec.argv[0]);
  own_child(launched.pid);
  launched.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, launched.pid, 0)));
  if (filter == nullptr) return launched;

  const base::Status ready = await_ready(plan, launched.pidfd.get());
  launched.listener.reset(plan.listener);
  if (ready) return launched;
  kill(launched.pid, SIGKILL);
  waitpid(launched.pid, nullptr, 0);
  disown_child(launched.pid);
  return std::unexpected(ready.error());
}

namespace {

/// Whether what a stopped child is about to do can be known, and its descriptors had. It waits in
/// its execve, and until then it has this process's memory.
base::Status can_look_into(const Launched& child) {
  const base::UniqueFd input(
      static_cast<int>(syscall(SYS_pidfd_getfd, child.pidfd.get(), STDIN_FILENO, 0)));
  if (!input.valid()) return forbidden("pidfd_getfd", errno);
  static const char kByte = 'x';
  char read = 0;
  const iovec local{&read, 1};
  const iovec remote{const_cast<char*>(&kByte), 1};
  if (process_vm_readv(child.pid, &local, 1, &remote, 1, 0) != 1) {
    return forbidden("process_vm_readv", errno);
  }
  return {};
}

}  // namespace

base::Status probe_supervision() {
  const base::Result<BpfProgram> filter = build_filter(kCrashSet);
  if (!filter) return std::unexpected(filter.error());
  const base::Result<Launched> child = launch({.argv = {"/bin/true"}}, &*filter, -1);
  if (!child) return std::unexpected(child.error());
  base::Status possible = check_own_proc();
  if (possible) possible = can_look_into(*child);
  kill(child->pid, SIGKILL);  // it waits in its execve, unanswered
  waitpid(child->pid, nullptr, 0);
  disown_child(child->pid);
  return possible;
}

}  // namespace stress
