#include "orchestrator/base/child_setup.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>

namespace base {
namespace {

constexpr std::string_view kPidPlace = "{pid}";
constexpr std::size_t kPidDigitsMax = std::numeric_limits<pid_t>::digits10 + 1;

/// Async-signal-safe. Returns the number of digits.
std::size_t write_digits(pid_t pid, char* out) noexcept {
  std::array<char, kPidDigitsMax> reversed{};
  std::size_t count = 0;
  do {
    reversed[count++] = static_cast<char>('0' + pid % 10);
    pid /= 10;
  } while (pid > 0);
  for (std::size_t i = 0; i < count; ++i) out[i] = reversed[count - 1 - i];
  return count;
}

/// Handlers of the parent mean nothing in the new program, and what it ignores (SIGPIPE) would stay
/// ignored over exec.
void reset_signals() noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  // SIGKILL, SIGSTOP and the C library's own two refuse; so they are default already.
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

ChildEnvironment::ChildEnvironment(const std::vector<std::string>& variables, bool with_pid) {
  for (const std::string& variable : variables) {
    std::size_t places = 0;
    for (auto at = with_pid ? variable.find(kPidPlace) : std::string::npos; at != std::string::npos;
         at = variable.find(kPidPlace, at + kPidPlace.size())) {
      ++places;
    }
    if (places == 0) {
      plain_.push_back(variable);
    } else {
      templates_.push_back({variable, std::string(variable.size() + places * kPidDigitsMax, '\0')});
    }
  }
  // Templates first: whoever looks for one of them in /proc/PID/environ finds it at once.
  for (Template& entry : templates_) pointers_.push_back(entry.buffer.c_str());
  for (const std::string& entry : plain_) pointers_.push_back(entry.c_str());
  pointers_.push_back(nullptr);
}

void ChildEnvironment::substitute_pid(pid_t pid) noexcept {
  for (Template& entry : templates_) {
    std::string_view rest = entry.text;
    char* out = entry.buffer.data();
    while (!rest.empty()) {
      if (rest.starts_with(kPidPlace)) {
        out += write_digits(pid, out);
        rest.remove_prefix(kPidPlace.size());
      } else {
        *out++ = rest.front();
        rest.remove_prefix(1);
      }
    }
    *out = '\0';
  }
}

std::string_view to_string(ChildReport::Step step) {
  switch (step) {
    case ChildReport::Step::kStarted:
      return "start";
    case ChildReport::Step::kFork:
      return "fork for";
    case ChildReport::Step::kSession:
      return "make a session for";
    case ChildReport::Step::kStdio:
      return "connect the standard streams of";
    case ChildReport::Step::kFolder:
      return "enter the folder of";
    case ChildReport::Step::kDescriptors:
      return "close the descriptors of";
    case ChildReport::Step::kExec:
      return "run";
  }
  return "start";
}

void ChildSetup::report(ChildReport::Step step, int value) const noexcept {
  const ChildReport message{step, value};
  // A parent that is gone needs no report, and SIGPIPE is at its default: it ends us, rightly.
  [[maybe_unused]] const ssize_t written = ::write(channel, &message, sizeof message);
}

bool ChildSetup::failed(ChildReport::Step step, long result) const noexcept {
  if (result >= 0) return false;
  report(step, errno);
  return true;
}

bool ChildSetup::leave_parent() const noexcept {
  // _Fork is the async-signal-safe one: no handlers of pthread_atfork, no locks.
  const pid_t pid = ::_Fork();
  if (failed(ChildReport::Step::kFork, pid)) return false;
  if (pid > 0) ::_exit(0);
  return !failed(ChildReport::Step::kSession, ::setsid());
}

bool ChildSetup::close_others() const noexcept {
  const auto kept = static_cast<unsigned>(channel);
  const auto last = std::numeric_limits<unsigned>::max();
  if (kept > 3 && failed(ChildReport::Step::kDescriptors, ::close_range(3, kept - 1, 0))) {
    return false;
  }
  return !failed(ChildReport::Step::kDescriptors, ::close_range(kept + 1, last, 0));
}

bool ChildSetup::wait_for_word() const noexcept {
  const pid_t self = ::getpid();
  environment->substitute_pid(self);
  report(ChildReport::Step::kStarted, self);
  char word = 0;
  ssize_t got = 0;
  do {
    got = ::read(channel, &word, 1);
  } while (got < 0 && errno == EINTR);
  // End of file: the starter died before it knew us, and nobody would ever find this process.
  return got == 1;
}

bool ChildSetup::prepare() const noexcept {
  reset_signals();
  if (detached && !leave_parent()) return false;
  for (int fd = 0; fd < 3; ++fd) {
    const int source = stdio[static_cast<std::size_t>(fd)];
    if (failed(ChildReport::Step::kStdio, ::dup2(source, fd))) return false;
  }
  if (cwd != nullptr && failed(ChildReport::Step::kFolder, ::chdir(cwd))) return false;
  // Before the wait: a copy of the starter's end of the channel would hide its death from us.
  if (!close_others()) return false;
  return !detached || wait_for_word();
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Result<UniqueFd> above_stdio(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved.valid()) return fail_errno(errno, "duplicate", "a standard stream");
  return moved;
}

}  // namespace base
