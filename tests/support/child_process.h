#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tests {

/// A forked copy of this process that runs `body` and exits with what it returns. Killed and reaped
/// at the end of the object's life.
class ChildProcess {
 public:
  template <class Body>
  explicit ChildProcess(const Body& body) : pid_(::fork()) {
    if (pid_ < 0) {
      std::perror("fork");
      std::abort();
    }
    if (pid_ == 0) ::_exit(body());
  }
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() {
    kill(SIGKILL);
    wait();
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

  void kill(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);
  }

  /// The exit code; 128 + signal where one ended it; -1 where it has been waited for before.
  int wait() {
    if (pid_ <= 0) return -1;
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

}  // namespace tests
