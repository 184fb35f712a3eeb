// A process that holds a group and its guardian as `stress` does, so that a test can kill it:
//   guardian_helper run TOKEN FOLDER   makes members of all kinds, says "ready" and what they are,
//                                      then waits for a line: "end": it ends well
//   guardian_helper guardian …         what a guardian runs
#include <sys/prctl.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "harness/supervise/group.h"
#include "harness/supervise/guardian.h"
#include "tests/contract/start_process.h"

namespace {

using stress::test::start;
const std::vector<std::string> kSleep{"sleep", "300"};

/// Forked and never exec'ed: it keeps every descriptor of ours open, the guardian's included.
pid_t fork_holder(const stress::Group& group) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (group.has_cgroup() && ::write(group.join_fd(), "0", 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

int run(const std::string& token, const std::filesystem::path& folder) {
  auto group = stress::Group::create(token);
  if (!group) return 2;
  auto guardian = stress::Guardian::start(*group, {folder});
  if (!guardian) {
    std::fprintf(stderr, "%s\n", guardian.error().message.c_str());
    return 3;
  }
  const std::vector<std::string> env{"PATH=/usr/local/bin:/usr/bin:/bin", group->environment()};
  const std::string socket = (folder / "tmux socket").string();
  start({.argv = kSleep, .env = env, .join_fd = group->join_fd()});
  start({.argv = {"sh", "-c", "trap '' HUP INT TERM; sleep 300"}, .env = env});
  start({.argv = kSleep, .env = env, .own_session = true, .orphan = true});
  const pid_t client = start({.argv = {"tmux", "-S", socket, "-f", "/dev/null", "new-session", "-d",
                                       "-s", "agent_x", "sleep", "300"},
                              .env = env});
  int status = -1;
  ::waitpid(client, &status, 0);
  const pid_t holder = fork_holder(*group);
  std::printf("ready %d %d %s\n", status, holder, group->cgroup().c_str());
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  return group->close(std::chrono::milliseconds{60'000}) ? 0 : 4;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return 254;
  if (arguments[0] == "guardian") {
    return stress::guardian_main({arguments.begin() + 1, arguments.end()});
  }
  return arguments.size() == 3 ? run(arguments[1], arguments[2]) : 254;
}
