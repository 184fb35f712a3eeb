#include "orchestrator/base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

// Boost.Process is header-only and stays in this file.
// clang-format off: its launchers do not compile before process.hpp
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
// clang-format on

#include "orchestrator/base/child_setup.h"
#include "orchestrator/base/pidfd.h"
#include "orchestrator/base/unique_fd.h"

// Policy. The child is made by vfork: its cost does not grow with the memory of its parent, as that
// of fork does. It runs ChildSetup and execs; whatever fails in it comes back over a socket pair
// that closes at exec. Boost.Process 1.81 needs some care:
//  - after a failed exec it calls exit(), which would run our destructors in the child, and it does
//    not reap the child: on_exec_error leaves by _exit, launch() reaps;
//  - it looks for on_exec_error with an argument more than it passes: ours takes anything;
//  - it closes only the descriptors above the highest one to be kept: ChildSetup closes the rest;
//  - the destructor of a process kills it: we take the handle out at once.
namespace base {
namespace {

namespace bp = boost::process::v2;
using Clock = std::chrono::steady_clock;

/// How long a process may take to vanish after SIGKILL (one that hangs in a system call).
constexpr std::chrono::seconds kKillGrace{10};

/// Boost's view of a ChildSetup.
struct Initializer {
  const ChildSetup& setup;

  template <class Launcher, class Argv>
  bp::error_code on_exec_setup(Launcher&, const bp::filesystem::path&, const Argv&) const {
    if (!setup.prepare()) ::_exit(127);
    return {};
  }
  template <class... Anything>
  void on_exec_error(Anything&&...) const {
    const int error = errno;
    setup.report(ChildReport::Step::kExec, error);
    ::_exit(127);
  }
};

Result<UniqueFd> open_fd(const std::filesystem::path& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(errno, "open", path);
  return above_stdio(std::move(fd));
}

/// /dev/null where empty.
Result<UniqueFd> open_log(const std::filesystem::path& log) {
  if (log.empty()) return open_fd("/dev/null", O_WRONLY);
  return open_fd(log, O_WRONLY | O_APPEND | O_CREAT);
}

struct Pair {
  UniqueFd ours;
  UniqueFd child;
};

Result<Pair> checked_pair(UniqueFd ours, UniqueFd child) {
  auto high_ours = above_stdio(std::move(ours));
  if (!high_ours) return std::unexpected(high_ours.error());
  auto high_child = above_stdio(std::move(child));
  if (!high_child) return std::unexpected(high_child.error());
  return Pair{std::move(*high_ours), std::move(*high_child)};
}

enum class Direction { kFromChild, kToChild };

Result<Pair> pipe_pair(Direction direction) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make", "a pipe");
  if (direction == Direction::kToChild) std::swap(fds[0], fds[1]);
  UniqueFd ours(fds[0]);
  UniqueFd child(fds[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "set up", "a pipe");
  return checked_pair(std::move(ours), std::move(child));
}

Result<Pair> report_channel() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return fail_errno(errno, "make", "a socket pair");
  }
  return checked_pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

/// Standard input as a file in memory: no pipe to be fed, no SIGPIPE when the reader goes away.
Result<UniqueFd> input_file(std::string_view text) {
  if (text.empty()) return open_fd("/dev/null", O_RDONLY);
  UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "make", "the input file");
  while (!text.empty()) {
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write", "the input file");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "rewind", "the input file");
  return above_stdio(std::move(fd));
}

bool is_program(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

/// As execvp finds it, on the PATH that the program itself will see.
Result<std::filesystem::path> find_program(const std::string& name,
                                           const std::vector<std::string>& environment) {
  if (name.empty()) return fail(Errc::kInvalid, "a command needs a program to run");
  if (name.contains('/')) return std::filesystem::path(name);
  std::string_view rest = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) rest = std::string_view(variable).substr(5);
  }
  for (;;) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string_view folder = end == 0 ? "." : rest.substr(0, end);
    std::filesystem::path path = std::filesystem::path(folder) / name;
    if (is_program(path)) return path;
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return fail(Errc::kNotFound, "run {}: no such program on PATH", name);
}

/// Waits for one child that is about to die or dead already.
void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// One report, or none: the channel was closed by exec.
std::optional<ChildReport> next_report(int channel) {
  ChildReport report{};
  for (;;) {
    const ssize_t got = ::recv(channel, &report, sizeof report, MSG_WAITALL);
    if (got == static_cast<ssize_t>(sizeof report)) return report;
    if (got < 0 && errno == EINTR) continue;
    return std::nullopt;
  }
}

std::unexpected<Error> fail_start(const ChildReport& report, const Command& command) {
  auto error = fail_errno(report.value, to_string(report.step), command.argv.front());
  if (report.step == ChildReport::Step::kFolder) {
    error = fail_errno(report.value, "enter", command.cwd);
  }
  return error;
}

/// A child of ours, not yet reaped, and the descriptor that names it.
struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
};

/// Makes the child. Its exec may have failed: the channel tells. Errors: kNotFound, kIo.
Result<Child> launch(const Command& command, ChildSetup& setup, ChildEnvironment& environment,
                     const std::filesystem::path& program) {
  std::vector<const char*> argv;
  argv.reserve(command.argv.size() + 1);
  for (const std::string& argument : command.argv) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  if (!command.cwd.empty()) setup.cwd = command.cwd.c_str();
  setup.environment = &environment;

  bp::posix::vfork_launcher launcher;
  launcher.env = environment.pointers();
  launcher.fd_whitelist.push_back(setup.channel);
  const Initializer initializer{setup};
  bp::error_code error;
  try {
    const SignalsBlocked blocked;
    // One context a call: Boost tells the services of a context about the fork in the child too,
    // and those of a shared one would lock and reopen what the parent uses.
    boost::asio::io_context context(1);
    launcher(context.get_executor(), error, bp::filesystem::path(program.native()), argv.data(),
             initializer)
        .detach();
  } catch (const std::exception& exception) {
    // The child may well run: Boost could not make its handle. It is not reaped, so the number is
    // still its own.
    if (launcher.pid > 0) {
      ::kill(launcher.pid, SIGKILL);
      reap(launcher.pid);
    }
    return fail(Errc::kIo, "run {}: {}", command.argv.front(), exception.what());
  }
  if (launcher.pid <= 0) return fail_errno(error.value(), "fork for", command.argv.front());
  Child child{launcher.pid, UniqueFd(::pidfd_open(launcher.pid, 0))};
  if (!child.pidfd.valid()) {
    const int open_error = errno;
    ::kill(child.pid, SIGKILL);
    reap(child.pid);
    return fail_errno(open_error, "open a pidfd of", command.argv.front());
  }
  return child;
}

/// One output stream of a running command.
class Stream {
 public:
  Stream(UniqueFd fd, std::size_t bytes_max) : fd_(std::move(fd)), bytes_max_(bytes_max) {}

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// At most `bytes_max` of what is there now; closes at end of file.
  void read_some(std::size_t bytes_max) {
    std::array<char, 65536> buffer;  // NOLINT(*-member-init): 64 KB need no zeroing
    const ssize_t got = ::read(fd_.get(), buffer.data(), std::min(bytes_max, buffer.size()));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      fd_.reset();
      return;
    }
    const auto room = bytes_max_ - std::min(bytes_max_, text_.size());
    text_.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
    drained_ += static_cast<std::size_t>(got);
  }

  /// What the dead command left in the pipe; a descendant may go on writing, so not up to the end.
  void read_rest() {
    int waiting = 0;
    if (!fd_.valid() || ::ioctl(fd_.get(), FIONREAD, &waiting) != 0) return;
    const std::size_t goal = drained_ + static_cast<std::size_t>(waiting);
    while (fd_.valid() && drained_ < goal) read_some(goal - drained_);
  }

  std::string take() { return std::move(text_); }

 private:
  UniqueFd fd_;
  std::size_t bytes_max_;
  std::size_t drained_ = 0;
  std::string text_;
};

/// Reads both streams until the process is dead; kills it at its deadline. Tells whether it did.
Result<bool> drain_until_dead(int pidfd, Stream& out, Stream& err, const Command& command) {
  bool killed = false;
  auto deadline = Clock::now() + command.timeout;
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      if (killed) {
        return fail(Errc::kTimeout, "{} does not die of SIGKILL", command.argv.front());
      }
      ::pidfd_send_signal(pidfd, SIGKILL, nullptr, 0);
      killed = true;
      deadline = Clock::now() + kKillGrace;
      continue;
    }
    std::array<pollfd, 3> fds{pollfd{pidfd, POLLIN, 0}, pollfd{out.fd(), POLLIN, 0},
                              pollfd{err.fd(), POLLIN, 0}};
    const auto wait_ms = static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000));
    if (::poll(fds.data(), fds.size(), wait_ms) < 0 && errno != EINTR) {
      return fail_errno(errno, "wait for", command.argv.front());
    }
    if (fds[1].revents != 0) out.read_some(SIZE_MAX);
    if (fds[2].revents != 0) err.read_some(SIZE_MAX);
    if (fds[0].revents != 0) return killed;
  }
}

Result<Outcome> collect(Child& child, Stream out, Stream err, const Command& command) {
  auto killed = drain_until_dead(child.pidfd.get(), out, err, command);
  if (!killed) return std::unexpected(std::move(killed.error()));
  out.read_rest();
  err.read_rest();
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED) != 0) {
    if (errno != EINTR) return fail_errno(errno, "wait for", command.argv.front());
  }
  Outcome outcome;
  if (info.si_code == CLD_EXITED) {
    outcome.exit_code = info.si_status;
  } else {
    outcome.signal = info.si_status;
  }
  outcome.timed_out = *killed;
  outcome.out = out.take();
  outcome.err = err.take();
  return outcome;
}

/// Lets the process that has reported itself go on to exec, once it is known who it is.
Result<ProcessIdentity> release_detached(int channel, const Command& command) {
  const auto started = next_report(channel);
  if (!started) return fail(Errc::kIo, "start {}: it died at once", command.argv.front());
  if (started->step != ChildReport::Step::kStarted) return fail_start(*started, command);
  // Before exec: afterwards the program may be over and its number gone.
  auto identity = identify(started->value);
  if (!identity) return identity;
  const char word = 'g';
  if (::send(channel, &word, 1, MSG_NOSIGNAL) != 1) {
    return fail(Errc::kIo, "start {}: it died at once", command.argv.front());
  }
  if (const auto failed = next_report(channel)) return fail_start(*failed, command);
  return identity;
}

}  // namespace

Result<Outcome> run(const Command& command) {
  if (command.argv.empty()) return fail(Errc::kInvalid, "a command needs a program to run");
  const auto variables = command.env ? *command.env : current_environment();
  auto program = find_program(command.argv.front(), variables);
  if (!program) return std::unexpected(std::move(program.error()));
  auto input = input_file(command.input);
  if (!input) return std::unexpected(std::move(input.error()));
  auto out = pipe_pair(Direction::kFromChild);
  if (!out) return std::unexpected(std::move(out.error()));
  auto err = pipe_pair(Direction::kFromChild);
  if (!err) return std::unexpected(std::move(err.error()));
  auto channel = report_channel();
  if (!channel) return std::unexpected(std::move(channel.error()));

  ChildEnvironment environment(variables, false);
  ChildSetup setup;
  setup.stdio = {input->get(), out->child.get(), err->child.get()};
  setup.channel = channel->child.get();
  auto child = launch(command, setup, environment, *program);
  if (!child) return std::unexpected(std::move(child.error()));
  out->child.reset();
  err->child.reset();
  channel->child.reset();
  if (const auto failed = next_report(channel->ours.get())) {
    reap(child->pid);
    return fail_start(*failed, command);
  }
  return collect(*child, Stream(std::move(out->ours), command.output_bytes_max),
                 Stream(std::move(err->ours), command.output_bytes_max), command);
}

Result<ProcessIdentity> start_detached(const Command& command, const std::filesystem::path& log) {
  if (command.argv.empty()) return fail(Errc::kInvalid, "a command needs a program to run");
  const auto variables = command.env ? *command.env : current_environment();
  auto program = find_program(command.argv.front(), variables);
  if (!program) return std::unexpected(std::move(program.error()));
  auto input = open_fd("/dev/null", O_RDONLY);
  if (!input) return std::unexpected(std::move(input.error()));
  auto output = open_log(log);
  if (!output) return std::unexpected(std::move(output.error()));
  auto channel = report_channel();
  if (!channel) return std::unexpected(std::move(channel.error()));

  ChildEnvironment environment(variables, true);
  ChildSetup setup;
  setup.stdio = {input->get(), output->get(), output->get()};
  setup.channel = channel->child.get();
  setup.detached = true;
  auto child = launch(command, setup, environment, *program);
  if (!child) return std::unexpected(std::move(child.error()));
  channel->child.reset();
  reap(child->pid);  // the one in between, which ends as soon as it has forked
  return release_detached(channel->ours.get(), command);
}

Result<PipedProcess> start_piped(const Command& command, const std::filesystem::path& log) {
  if (command.argv.empty()) return fail(Errc::kInvalid, "a command needs a program to run");
  const auto variables = command.env ? *command.env : current_environment();
  auto program = find_program(command.argv.front(), variables);
  if (!program) return std::unexpected(std::move(program.error()));
  auto in = pipe_pair(Direction::kToChild);
  if (!in) return std::unexpected(std::move(in.error()));
  auto out = pipe_pair(Direction::kFromChild);
  if (!out) return std::unexpected(std::move(out.error()));
  auto err = open_log(log);
  if (!err) return std::unexpected(std::move(err.error()));
  auto channel = report_channel();
  if (!channel) return std::unexpected(std::move(channel.error()));

  ChildEnvironment environment(variables, false);
  ChildSetup setup;
  setup.stdio = {in->child.get(), out->child.get(), err->get()};
  setup.channel = channel->child.get();
  auto child = launch(command, setup, environment, *program);
  if (!child) return std::unexpected(std::move(child.error()));
  channel->child.reset();
  if (const auto failed = next_report(channel->ours.get())) {
    reap(child->pid);
    return fail_start(*failed, command);
  }
  return PipedProcess{child->pid, std::move(child->pidfd), std::move(in->ours),
                      std::move(out->ours)};
}

std::vector<std::string> current_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  return variables;
}

}  // namespace base
