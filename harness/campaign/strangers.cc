#include "harness/campaign/strangers.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "harness/supervise/reaper.h"
#include "harness/supervise/room.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

/// As fork, but the child has this number. Errors: EEXIST (it is not free).
pid_t fork_as(pid_t number) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void sleep_for_ever(int exec_error) {
  std::array<char, 6> program{"sleep"};
  std::array<char, 9> time{"infinity"};
  std::array<char*, 3> argv{program.data(), time.data(), nullptr};
  std::array<char*, 1> no_environment{nullptr};
  constexpr int kError = 3;
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) ::dup2(nothing, standard);
  ::dup3(exec_error, kError, O_CLOEXEC);
  ::close_range(kError + 1, ~0U, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::chdir("/") == 0) ::execve("/bin/sleep", argv.data(), no_environment.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(kError, &error, sizeof error);
  ::_exit(127);
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  disown_child(pid);
}

std::string in_words(const base::ProcessIdentity& process) {
  return fmt::format("pid {} started at {}", process.pid, process.start_ticks);
}

}  // namespace

base::Status Strangers::start(pid_t number, const std::string& of) {
  if (!in_room()) {
    return base::fail(base::Errc::kUnavailable,
                      "numbers are given away in a pid namespace of the run's own only");
  }
  std::array<int, 2> pair{};
  if (::pipe2(pair.data(), O_CLOEXEC) != 0) {
    return base::fail_errno(errno, "make a pipe for", "stranger");
  }
  const base::UniqueFd error_out(pair[0]);
  base::UniqueFd error_in(pair[1]);
  const pid_t pid = fork_as(number);
  if (pid == 0) sleep_for_ever(error_in.get());
  if (pid < 0) {
    return base::fail_errno(errno, "start a process with the number", std::to_string(number));
  }
  own_child(pid);
  error_in.reset();
  int error = 0;
  if (::read(error_out.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    reap(pid);
    return base::fail_errno(error, "execute", "/bin/sleep");
  }
  const std::lock_guard lock(mutex_);
  const base::Result<base::ProcessIdentity> process = base::identify(pid);
  if (!process) return std::unexpected(process.error());
  all_.push_back({*process, of});
  return {};
}

void Strangers::compare(Collector& collector) const {
  const std::lock_guard lock(mutex_);
  for (const Stranger& stranger : all_) {
    const bool lives = base::liveness(stranger.process) == base::Liveness::kAlive;
    const std::string before = in_words(stranger.process);
    const Bystander bystander{"stranger", stranger.of, before, lives ? before : "dead"};
    collector.with([&](Evidence& evidence) { evidence.bystanders.push_back(bystander); });
  }
}

void Strangers::end() {
  const std::lock_guard lock(mutex_);
  for (const Stranger& stranger : all_) {
    ::kill(stranger.process.pid,
           SIGKILL);  // our child: its number stays its own until it is reaped
    reap(stranger.process.pid);
  }
  all_.clear();
}

}  // namespace stress
