// Goal: both session hosts keep every promise of session_host.h.
// Method: the same tests on each, on a host of their own in a fresh folder. What only one of them
// can get wrong is in tmux_host_test.cc and process_host_test.cc.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/session/session_host.h"
#include "tests/contract/session_host_support.h"

namespace orc::session_test {
namespace {

using base::Errc;
using base::Liveness;

class SessionHostContract : public Bench, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "tmux") {
      if (!tmux_installed()) GTEST_SKIP() << "tmux is not installed";
      host_ = make_tmux_host(private_options());
    } else {
      host_ = make_process_host();
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Hosts, SessionHostContract, testing::Values("tmux", "process"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(SessionHostContract, ACreatedSessionIsListedWithItsIdentityAndMarks) {
  const auto made = must_create(spec("a-1"));
  EXPECT_EQ(made.name, "a-1");
  EXPECT_EQ(made.host, GetParam());
  ASSERT_TRUE(made.process);
  const auto sessions = ours();
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_TRUE(sessions[0].identity == made);
  EXPECT_EQ(sessions[0].attempt, "try1");
  const auto listing = host_->list();
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->server_running);
  EXPECT_EQ(host_->liveness(*listing, made), Liveness::kAlive);
}

TEST_P(SessionHostContract, AnEndedSessionIsDeadAndItsNameIsFree) {
  const auto made = must_create(spec("a-1"));
  ASSERT_TRUE(host_->end(made, kPatience));
  EXPECT_TRUE(ours().empty());
  EXPECT_EQ(base::liveness(*made.process), Liveness::kDead);
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kDead);
  EXPECT_TRUE(host_->end(made, kPatience)) << "absent is success";
  must_create(spec("a-1"));
}

TEST_P(SessionHostContract, NamesAreExact) {
  const auto one = must_create(spec("a-1"));
  const auto ten = must_create(spec("a-10"));
  ASSERT_TRUE(host_->end(one, kPatience));
  const auto sessions = ours();
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_TRUE(sessions[0].identity == ten);
  EXPECT_TRUE(host_->end(one, kPatience)) << "a-1 is absent; a-10 must not stand in for it";
  EXPECT_EQ(host_->liveness(*host_->list(), ten), Liveness::kAlive);
  EXPECT_EQ(host_->liveness(*host_->list(), one), Liveness::kDead);
}

TEST_P(SessionHostContract, AnExistingNameIsRefusedAndTheSessionUntouched) {
  const auto made = must_create(spec("a-1"));
  const auto again = host_->create(spec("a-1"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kExists);
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kAlive);
}

TEST_P(SessionHostContract, OfSimultaneousCreatesOfOneNameExactlyOneSucceeds) {
  std::atomic<int> made = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(6);
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        const auto session = host_->create(spec("same"));
        if (session) ++made;
        if (!session && session.error().code == Errc::kExists) ++refused;
      });
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(refused, 5);
  EXPECT_EQ(ours().size(), 1U);
}

TEST_P(SessionHostContract, ConcurrentCreatesAreAllListed) {
  std::atomic<int> made = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([this, thread, &made] {
        for (int i = 0; i < 3; ++i) {
          const auto session = host_->create(spec(fmt::format("agent_{}-{}", thread, i)));
          EXPECT_TRUE(session) << session.error().message;
          if (session) ++made;
        }
      });
    }
  }
  EXPECT_EQ(made, 24);
  EXPECT_EQ(ours().size(), 24U);
}

TEST_P(SessionHostContract, AnAgentThatIgnoresHangUpIsDeadAfterEnd) {
  const auto made =
      must_create(spec("deaf", "trap '' HUP TERM; echo > ready; while :; do sleep 1; done"));
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(work_ / "ready"); }));
  ASSERT_TRUE(host_->end(made, std::chrono::milliseconds(3000)));
  EXPECT_EQ(base::liveness(*made.process), Liveness::kDead);
  EXPECT_TRUE(ours().empty());
}

TEST_P(SessionHostContract, AChildThatIgnoresTheHangUpOfItsAgentIsDeadAfterEnd) {
  const auto made = must_create(spec(
      "parent", "(trap '' HUP; exec sleep 1000) & echo $! > part; mv part child; exec sleep 1000"));
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(work_ / "child"); }));
  pid_t pid = 0;
  std::ifstream(work_ / "child") >> pid;
  const auto child = base::identify(pid);
  ASSERT_TRUE(child);
  ASSERT_TRUE(host_->end(made, std::chrono::milliseconds(3000)));
  EXPECT_EQ(base::liveness(*made.process), Liveness::kDead);
  EXPECT_TRUE(base::wait_dead(*child, std::chrono::milliseconds(3000)));
}

TEST_P(SessionHostContract, AnAgentThatExitsVanishes) {
  const auto made = must_create(spec("short", "exit 3"));
  EXPECT_TRUE(eventually([&] { return ours().empty(); }));
  EXPECT_TRUE(eventually([&] { return host_->liveness(*host_->list(), made) == Liveness::kDead; }));
  EXPECT_TRUE(host_->end(made, kPatience));
}

TEST_P(SessionHostContract, AKilledAgentVanishes) {
  const auto made = must_create(spec("killed"));
  ASSERT_TRUE(base::signal_process(*made.process, SIGKILL));
  EXPECT_TRUE(eventually([&] { return ours().empty(); }));
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kDead);
}

TEST_P(SessionHostContract, AStaleIdentityDoesNotEndItsSuccessor) {
  const auto old = must_create(spec("a-1"));
  ASSERT_TRUE(host_->end(old, kPatience));
  const auto successor = must_create(spec("a-1"));
  EXPECT_TRUE(host_->end(old, kPatience));
  EXPECT_EQ(host_->liveness(*host_->list(), successor), Liveness::kAlive);
  EXPECT_EQ(host_->liveness(*host_->list(), old), Liveness::kDead);
}

TEST_P(SessionHostContract, ArgumentsArriveVerbatimAndExecuteNothing) {
  const std::vector<std::string> hard = {"#(touch pwned)",
                                         "#{pid}",
                                         "##",
                                         "%H",
                                         ";",
                                         "a;",
                                         "a\\;",
                                         "\\",
                                         "it's",
                                         "\"q\"",
                                         "a b",
                                         "",
                                         "$(touch pwned)",
                                         "`touch pwned`",
                                         "$HOME",
                                         "~",
                                         "grün 漢字",
                                         "two\nlines",
                                         "-d",
                                         "{",
                                         "}"};
  auto wanted = spec("hard", "printf '<%s>' \"$@\" > out.tmp; mv out.tmp out; exec sleep 1000");
  wanted.argv.emplace_back("sh");
  std::string expected;
  for (const std::string& argument : hard) {
    wanted.argv.push_back(argument);
    expected += "<" + argument + ">";
  }
  const auto made = must_create(wanted);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(work_ / "out"); }));
  EXPECT_EQ(text_of(work_ / "out"), expected);
  EXPECT_FALSE(std::filesystem::exists(work_ / "pwned"));
}

TEST_P(SessionHostContract, ACommandOfOneWordIsNotGivenToAShell) {
  const auto program = work_ / "one word; touch pwned";
  ASSERT_TRUE(base::replace_file(program, "#!/bin/sh\necho > ran\nexec sleep 1000\n", 0700));
  auto wanted = spec("one");
  wanted.argv = {program};
  must_create(wanted);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(work_ / "ran"); }));
  EXPECT_FALSE(std::filesystem::exists(work_ / "pwned"));
}

TEST_P(SessionHostContract, RunsInItsFolderEvenOneNamedToDeceive) {
  auto wanted = spec("cwd", "pwd > out.tmp; mv out.tmp out; exec sleep 1000");
  wanted.cwd = work_ / "#(touch pwned) %H #{pid};";
  std::filesystem::create_directory(wanted.cwd);
  must_create(wanted);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(wanted.cwd / "out"); }));
  EXPECT_EQ(text_of(wanted.cwd / "out"), wanted.cwd.string() + "\n");
}

TEST_P(SessionHostContract, AMissingFolderIsAnErrorAndMakesNoSession) {
  auto wanted = spec("nowhere");
  wanted.cwd = work_ / "no such folder";
  EXPECT_FALSE(host_->create(wanted));
  EXPECT_TRUE(ours().empty());
}

TEST_P(SessionHostContract, WhatTheSessionPrintsIsAppendedToItsLog) {
  auto wanted = spec("talker", "echo first; sleep 0.2; echo second; exec sleep 1000");
  wanted.log = work_ / "#(touch pwned) %H 100% it's $HOME \"q\";.log";
  ASSERT_TRUE(base::replace_file(wanted.log, "before\n"));
  must_create(wanted);
  ASSERT_TRUE(eventually([&] { return text_of(wanted.log).contains("second"); }))
      << text_of(wanted.log);
  const std::string log = text_of(wanted.log);
  EXPECT_TRUE(log.starts_with("before\n")) << log;
  EXPECT_LT(log.find("first"), log.find("second"));
  EXPECT_EQ(log.find("first"), log.rfind("first")) << log;
  EXPECT_FALSE(std::filesystem::exists(work_ / "pwned"));
}

TEST_P(SessionHostContract, BadSpecsAreInvalidAndMakeNoSession) {
  for (const char* name : {"", "a.b", "a:b", "a b", "-a", "a;b", "#(x)"}) {
    const auto made = host_->create(spec(name));
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, Errc::kInvalid) << name;
  }
  auto marked = spec("a");
  marked.workspace = "w:s";
  EXPECT_EQ(host_->create(marked).error().code, Errc::kInvalid);
  auto empty = spec("a");
  empty.argv.clear();
  EXPECT_EQ(host_->create(empty).error().code, Errc::kInvalid);
  EXPECT_TRUE(ours().empty());
}

TEST_P(SessionHostContract, TheAgentInheritsNoLockOfItsSpawner) {
  // Without O_CLOEXEC on purpose: the worst that a caller could hold.
  const base::UniqueFd lock(::open((work_ / "lock").c_str(), O_CREAT | O_RDWR, 0600));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const auto made = must_create(spec("heir"));
  std::vector<pid_t> suspects = {made.process->pid};
  if (made.server) suspects.push_back(made.server->pid);
  for (const pid_t pid : suspects) {
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), ignored)) {
      EXPECT_NE(std::filesystem::read_symlink(entry, ignored), work_ / "lock") << pid;
    }
  }
}

TEST_P(SessionHostContract, OtherMachinesSessionsAreUnknown) {
  auto elsewhere = must_create(spec("a-1"));
  elsewhere.process->machine = "another";
  if (elsewhere.server) elsewhere.server->machine = "another";
  EXPECT_EQ(host_->liveness(Listing{}, elsewhere), Liveness::kUnknown);
}

}  // namespace
}  // namespace orc::session_test
