#include "orchestrator/base/subprocess.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
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

#include "orchestrator/base/child_io.h"
#include "orchestrator/base/child_setup.h"
#include "orchestrator/base/find_program.h"
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

/// Reads both streams until the process is dead; kills it at its deadline. Tells whether it did.
Result<bool> drain_until_dead(int pidfd, OutputStream& out, OutputStream& err,
                              const Command& command) {
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

Result<Outcome> collect(Child& child, OutputStream out, OutputStream err, const Command& command) {
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
  auto out = pipe_channel(Direction::kFromChild);
  if (!out) return std::unexpected(std::move(out.error()));
  auto err = pipe_channel(Direction::kFromChild);
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
  return collect(*child, OutputStream(std::move(out->ours), command.output_bytes_max),
                 OutputStream(std::move(err->ours), command.output_bytes_max), command);
}

Result<ProcessIdentity> start_detached(const Command& command, const std::filesystem::path& log) {
  if (command.argv.empty()) return fail(Errc::kInvalid, "a command needs a program to run");
  const auto variables = command.env ? *command.env : current_environment();
  auto program = find_program(command.argv.front(), variables);
  if (!program) return std::unexpected(std::move(program.error()));
  auto input = no_input();
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
  auto in = pipe_channel(Direction::kToChild);
  if (!in) return std::unexpected(std::move(in.error()));
  auto out = pipe_channel(Direction::kFromChild);
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
