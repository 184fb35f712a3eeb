#include "harness/cli/own_run.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

using Clock = std::chrono::steady_clock;

/// False at the end of the stream.
bool drain(int fd, std::string& text) {
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else {
      return got < 0 && errno == EAGAIN;
    }
  }
}

}  // namespace

base::Result<OwnRun> run_own(const std::vector<std::string>& arguments,
                             const std::filesystem::path& log, std::chrono::seconds limit,
                             const std::atomic<bool>& interrupted) {
  base::Command command;
  command.argv = {"/proc/self/exe"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  base::Result<base::PipedProcess> process = base::start_piped(command, log);
  if (!process) return std::unexpected(process.error());
  process->in.reset();
  OwnRun run;
  bool told = false;
  bool open = true;
  bool alive = true;
  const auto end = Clock::now() + limit;
  while (alive) {
    std::array<pollfd, 2> fds = {pollfd{process->pidfd.get(), POLLIN, 0},
                                 pollfd{open ? process->out.get() : -1, POLLIN, 0}};
    ::poll(fds.data(), fds.size(), 200);
    if (open) open = drain(process->out.get(), run.out);
    if (interrupted && !told) {
      told = true;
      ::kill(process->pid, SIGTERM);
    }
    if (Clock::now() > end) ::kill(process->pid, SIGKILL);
    alive = (fds[0].revents & POLLIN) == 0;
  }
  if (open) drain(process->out.get(), run.out);
  int status = 0;
  while (::waitpid(process->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  return run;
}

}  // namespace stress
