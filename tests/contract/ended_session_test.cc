// Goal: the correct specimens take a session for ended that ends under their hands, also when it
// was the server's last, so that tmux finds no target at all. Method: a tmux whose server stays
// without sessions, and that loses them just before it is told to end one.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "harness/target/target.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/base/unique_fd.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTmux = R"(#!/bin/sh
case "$*" in *kill-session*)
  /usr/bin/tmux -N set-option -g exit-empty off
  for session in $(/usr/bin/tmux -N list-sessions -F '#{session_name}'); do
    /usr/bin/tmux -N kill-session -t "=$session"
  done
  /usr/bin/tmux "$@" 2>"$HOME/said"
  code=$?
  cat "$HOME/said" >&2
  exit $code ;;
esac
exec /usr/bin/tmux "$@"
)";

class EndedSession : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const char* name : {"home", "tmux", "scratch", "bin"})
      fs::create_directory(folder_ / name);
    std::ofstream(folder_ / "bin/tmux") << kTmux;
    fs::permissions(folder_ / "bin/tmux", fs::perms::owner_all);
    place_.workspace = folder_ / "workspace";
    place_.agent_log = folder_ / "agents";
    ASSERT_EQ(::mkfifo(place_.agent_log.c_str(), 0600), 0);
    births_.reset(::open(place_.agent_log.c_str(), O_RDWR | O_CLOEXEC));
    place_.scratch = folder_ / "scratch";
    place_.env = {"PATH=" + (folder_ / "bin").string() + ":/usr/bin:/bin", "SHELL=/bin/sh",
                  "LANG=C.UTF-8", "HOME=" + (folder_ / "home").string(),
                  "TMUX_TMPDIR=" + (folder_ / "tmux").string()};
  }
  void TearDown() override {
    base::Command command;
    command.argv = {"/usr/bin/tmux", "kill-server"};
    command.env = place_.env;
    (void)base::run(command);
  }

  tests::TempFolder folder_;
  RunPlace place_;
  base::UniqueFd births_;  ///< agents tell of them, and of their deaths
};

TEST_P(EndedSession, OfAKilledAgentIsNoError) {
  const std::string file =
      SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/" + GetParam() + "/orchestrator.json";
  const base::Status furnished = furnish(file, place_);
  ASSERT_TRUE(furnished) << furnished.error().message;
  const auto target = make_target(file, place_);
  ASSERT_TRUE(target) << target.error().message;
  const base::Status ready = (*target)->setup({});
  ASSERT_TRUE(ready) << ready.error().message;
  const Reply spawned = (*target)->spawn({.task = "TASK-A", .type = "worker"});
  ASSERT_EQ(spawned.outcome, OpOutcome::kOk) << spawned.error;
  // Its gate would end the session by itself once the record is that of an agent to be killed.
  char birth = 0;
  ASSERT_EQ(::read(births_.get(), &birth, 1), 1);
  const Reply killed = (*target)->kill(spawned.agent);
  EXPECT_EQ(killed.outcome, OpOutcome::kOk) << killed.error;
  std::string said;
  std::getline(std::ifstream(folder_ / "home/said"), said);
  EXPECT_EQ(said, "no current target");
}

INSTANTIATE_TEST_SUITE_P(Of, EndedSession,
                         ::testing::Values("python", "shell", "c", "files", "sqlite", "mcp"),
                         [](const auto& specimen) { return specimen.param; });

}  // namespace
}  // namespace stress
