#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "orchestrator/base/pidfd.h"
#include "orchestrator/base/unique_fd.h"

namespace stress::test {

/// How a test starts what it will find, stop or kill: by hand, since what is tested is what becomes
/// of processes that no library looks after.
struct Start {
  std::vector<std::string> argv;
  std::vector<std::string> env{"PATH=/usr/local/bin:/usr/bin:/bin"};
  int join_fd = -1;          ///< cgroup to join
  bool own_group = true;     ///< a process group of its own
  bool own_session = false;  ///< and a session
  bool orphan = false;       ///< its starter is gone: whoever is subreaper adopts it
  int input = -1;            ///< its fd 0
  int output = -1;           ///< its fd 1
};

/// Returns the pid, after exec has succeeded; of an orphan too. 0: exec failed.
inline pid_t start(const Start& what) {
  std::vector<char*> argv;
  std::vector<char*> envp;
  argv.reserve(what.argv.size() + 1);
  envp.reserve(what.env.size() + 1);
  for (const auto& text : what.argv) argv.push_back(const_cast<char*>(text.c_str()));
  for (const auto& text : what.env) envp.push_back(const_cast<char*>(text.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  int channel[2];
  if (::pipe2(channel, O_CLOEXEC) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    if (what.orphan && ::fork() != 0) ::_exit(0);
    const pid_t self = ::getpid();
    if (what.own_session) {
      ::setsid();
    } else if (what.own_group) {
      ::setpgid(0, 0);
    }
    if (what.join_fd >= 0 && ::write(what.join_fd, "0", 1) != 1) ::_exit(126);
    if (what.input >= 0) ::dup2(what.input, 0);
    if (what.output >= 0) ::dup2(what.output, 1);
    if (::write(channel[1], &self, sizeof self) != static_cast<ssize_t>(sizeof self)) ::_exit(126);
    ::execvpe(argv[0], argv.data(), envp.data());
    const pid_t none = 0;
    [[maybe_unused]] const ssize_t told = ::write(channel[1], &none, sizeof none);
    ::_exit(127);
  }
  ::close(channel[1]);
  pid_t pid = 0;
  pid_t word = 0;
  while (::read(channel[0], &word, sizeof word) == static_cast<ssize_t>(sizeof word)) pid = word;
  ::close(channel[0]);
  if (what.orphan) ::waitpid(child, nullptr, 0);
  return pid;
}

/// Waits for the death of any process; false after a generous deadline.
inline bool wait_death(const base::UniqueFd& pidfd) {
  if (!pidfd.valid()) return true;
  pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, 60'000) == 1;
}

inline bool wait_death(pid_t pid) { return wait_death(base::UniqueFd(::pidfd_open(pid, 0))); }

/// A process that the test kills whatever happens, and reaps if it is its child.
class Scoped {
 public:
  explicit Scoped(pid_t pid) : pid_(pid), fd_(::pidfd_open(pid, 0)) {}
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  ~Scoped() { end(); }
  void end() {
    if (!fd_.valid()) return;
    ::pidfd_send_signal(fd_.get(), SIGKILL, nullptr, 0);
    wait_death(fd_);
    ::waitid(P_PIDFD, static_cast<id_t>(fd_.get()), nullptr, WEXITED | WNOHANG);
    fd_.reset();
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const base::UniqueFd& fd() const { return fd_; }
  [[nodiscard]] bool alive() const {
    pollfd state{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return fd_.valid() && ::poll(&state, 1, 0) == 0;
  }

 private:
  pid_t pid_;
  base::UniqueFd fd_;
};

}  // namespace stress::test
