// Goal: both session hosts keep every promise of session_host.h.
// Method: the same tests on each, on a host of their own in a fresh folder; what only tmux can get
// wrong (sockets, texts, quoting) follows below as TmuxHost tests.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/random_id.h"
#include "orchestrator/base/subprocess.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/session/session_host.h"

namespace orc {
namespace {

using base::Errc;
using base::Liveness;
using std::chrono::seconds;

constexpr seconds kPatience{30};
const std::string kHangs = "exec sleep 1000";
constexpr std::chrono::milliseconds kShort{300};

bool tmux_installed() { return base::run({.argv = {"tmux", "-V"}}).has_value(); }

/// Looks again and again until `seen` holds or a generous deadline has passed.
bool eventually(const std::function<bool()>& seen) {
  const auto deadline = base::monotonic_ns() + std::chrono::nanoseconds(kPatience).count();
  while (base::monotonic_ns() < deadline) {
    if (seen()) return true;
    std::this_thread::yield();
  }
  return seen();
}

std::string text_of(const std::filesystem::path& path) {
  return base::read_file(path).value_or("(no file)");
}

/// A folder, and a host in it that nobody else uses. Everything started on it is ended.
class Bench : public testing::Test {
 protected:
  Bench() {
    std::string path = "/tmp/ss-XXXXXX";
    folder_ = ::mkdtemp(path.data());
    std::filesystem::create_directory(folder_ / "work it's");
    work_ = folder_ / "work it's";
  }
  ~Bench() override {
    if (host_) {
      const auto listing = host_->list();
      for (const Session& session : listing ? listing->sessions : std::vector<Session>{}) {
        if (session.workspace.ends_with(unique_)) {
          static_cast<void>(host_->end(session.identity, kPatience));
        }
      }
    }
    if (tmux_installed()) static_cast<void>(tmux({"kill-server"}));
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string socket() const { return folder_ / "socket"; }
  base::Result<base::Outcome> tmux(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"tmux", "-f", "/dev/null", "-S", socket()});
    return base::run({.argv = std::move(arguments)});
  }
  [[nodiscard]] TmuxOptions private_options() const {
    return {.socket = socket(), .timeout = kPatience};
  }

  /// By default an agent that runs until it is ended.
  [[nodiscard]] SessionSpec spec(std::string name, std::string script = "exec sleep 1000") const {
    return {.name = std::move(name),
            .workspace = "ws-" + unique_,
            .attempt = "try1",
            .argv = {"sh", "-c", std::move(script)},
            .cwd = work_,
            .log = {}};
  }
  SessionIdentity must_create(const SessionSpec& wanted) {
    auto made = host_->create(wanted);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return {};
    }
    return *std::move(made);
  }
  [[nodiscard]] std::vector<Session> ours() const {
    auto listing = host_->list();
    EXPECT_TRUE(listing) << listing.error().message;
    if (!listing) return {};
    std::erase_if(listing->sessions,
                  [&](const Session& session) { return session.workspace != "ws-" + unique_; });
    return listing->sessions;
  }

  const std::string unique_ = base::random_id();
  std::filesystem::path folder_;
  std::filesystem::path work_;
  std::unique_ptr<SessionHost> host_;
};

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

class ProcessHost : public Bench {
 protected:
  void SetUp() override { host_ = make_process_host(); }
};

TEST_F(ProcessHost, DescendantsThatInheritTheMarkAreNoSessions) {
  const auto made = must_create(spec("parent", "sleep 1000 & echo $! > child; wait"));
  ASSERT_TRUE(eventually([&] { return text_of(work_ / "child").ends_with('\n'); }));
  EXPECT_EQ(ours().size(), 1U);
  const auto child = base::identify(static_cast<pid_t>(std::stol(text_of(work_ / "child"))));
  ASSERT_TRUE(child);
  ASSERT_TRUE(host_->end(made, kPatience));
  EXPECT_TRUE(base::wait_dead(*child, kPatience)) << "the whole group is hung up";
}

TEST_F(ProcessHost, HasNoScreens) {
  const auto made = must_create(spec("blind"));
  EXPECT_EQ(host_->capture(made, 5).error().code, Errc::kUnavailable);
}

class TmuxHost : public Bench {
 protected:
  void SetUp() override {
    if (!tmux_installed()) GTEST_SKIP() << "tmux is not installed";
    host_ = make_tmux_host(private_options());
  }
  /// A program that stands in for tmux. The timeout is short only where one is to be seen.
  [[nodiscard]] std::unique_ptr<SessionHost> host_with(
      const std::string& script, std::chrono::milliseconds timeout = kPatience) const {
    const auto program = folder_ / "fake tmux";
    EXPECT_TRUE(base::replace_file(program, "#!/bin/sh\n" + script + "\n", 0700));
    auto options = private_options();
    options.tmux = program;
    options.timeout = timeout;
    return make_tmux_host(options);
  }
};

TEST_F(TmuxHost, NoServerIsAnAnswer) {
  const auto listing = host_->list();
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_FALSE(listing->server_running);
  EXPECT_FALSE(std::filesystem::exists(socket())) << "looking must not start a server";
}

TEST_F(TmuxHost, AServerThatWasKilledIsNoServerAndItsSessionsAreDead) {
  const auto made = must_create(spec("a-1"));
  ASSERT_TRUE(base::signal_process(*made.server, SIGKILL));
  ASSERT_TRUE(base::wait_dead(*made.server, kPatience));
  ASSERT_TRUE(base::wait_dead(*made.process, kPatience));
  const auto listing = host_->list();
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_FALSE(listing->server_running);
  EXPECT_EQ(host_->liveness(*listing, made), Liveness::kDead);
  EXPECT_TRUE(host_->end(made, kPatience));
  const auto successor = must_create(spec("a-1"));
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kDead);
  EXPECT_EQ(host_->liveness(*host_->list(), successor), Liveness::kAlive);
}

TEST_F(TmuxHost, ASocketDeletedUnderALiveServerDoesNotMakeItsSessionsDead) {
  const auto made = must_create(spec("a-1"));
  ASSERT_TRUE(std::filesystem::remove(socket()));
  auto listing = host_->list();
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_FALSE(listing->server_running);
  EXPECT_EQ(host_->liveness(*listing, made), Liveness::kUnknown);
  // A second server takes over the path: the first one's sessions are still not dead.
  const auto other = must_create(spec("b-1"));
  listing = host_->list();
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->server_running);
  EXPECT_EQ(host_->liveness(*listing, made), Liveness::kUnknown);
  EXPECT_EQ(host_->liveness(*listing, other), Liveness::kAlive);
  // Ending it still works, by its process.
  EXPECT_TRUE(host_->end(made, kPatience));
  EXPECT_EQ(base::liveness(*made.process), Liveness::kDead);
  EXPECT_TRUE(base::signal_process(*made.server, SIGKILL));
}

TEST_F(TmuxHost, ForeignSessionsAreListedUnmarkedAndNeverEnded) {
  const auto made = must_create(spec("mine"));
  ASSERT_TRUE(tmux({"new-session", "-d", "-s", "yours", "sleep", "1000"})->ok());
  ASSERT_TRUE(tmux({"set-option", "-t", "=yours:", "@spawnstorm_workspace", "odd:va:lue"})->ok());
  const auto find = [&](const std::string& name) {
    const auto listing = host_->list();
    EXPECT_TRUE(listing) << listing.error().message;
    const auto at = std::ranges::find_if(
        listing->sessions, [&](const Session& session) { return session.identity.name == name; });
    EXPECT_NE(at, listing->sessions.end()) << name;
    return at == listing->sessions.end() ? Session{} : *at;
  };
  EXPECT_EQ(find("yours").workspace, "");
  EXPECT_EQ(find("spawnstorm-keeper").workspace, "");
  auto impostor = find("yours").identity;
  impostor.process.reset();
  for (const char* id : {"$999", "", "=yours", "yours"}) {
    impostor.session_id = id;
    EXPECT_TRUE(host_->end(impostor, kPatience)) << id;
    EXPECT_EQ(host_->capture(impostor, 3).error().code, Errc::kNotFound) << id;
  }
  EXPECT_EQ(find("yours").identity.name, "yours");
  EXPECT_EQ(find("mine").identity, made);
}

TEST_F(TmuxHost, ARenamedSessionIsStillItself) {
  const auto made = must_create(spec("a-1", "echo here; exec sleep 1000"));
  ASSERT_TRUE(tmux({"rename-session", "-t", "=a-1:", "my own; $1 'name'"})->ok());
  ASSERT_EQ(ours().size(), 1U);
  EXPECT_EQ(ours()[0].identity, made);
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kAlive);
  EXPECT_TRUE(eventually([&] { return host_->capture(made, 1).value_or("") == "here"; }));
  // Its old name is another's now.
  const auto namesake = must_create(spec("a-1"));
  ASSERT_TRUE(host_->end(made, kPatience));
  EXPECT_EQ(base::liveness(*made.process), Liveness::kDead);
  ASSERT_EQ(ours().size(), 1U);
  EXPECT_EQ(ours()[0].identity, namesake);
}

TEST_F(TmuxHost, ASessionListedUnderANameThatWeWouldNotGiveCanBeEnded) {
  must_create(spec("a-1"));
  ASSERT_TRUE(tmux({"rename-session", "-t", "=a-1:", "my own"})->ok());
  ASSERT_EQ(ours().size(), 1U);
  EXPECT_TRUE(host_->end(ours()[0].identity, kPatience));
  EXPECT_TRUE(ours().empty());
}

TEST_F(TmuxHost, AnAgentThatEndedIsDeadThoughItsSessionWasSplit) {
  const auto made = must_create(spec("split"));
  ASSERT_TRUE(tmux({"split-window", "-t", "=split:", "sleep", "1000"})->ok());
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kAlive);
  ASSERT_TRUE(base::signal_process(*made.process, SIGKILL));
  EXPECT_TRUE(eventually([&] { return host_->liveness(*host_->list(), made) == Liveness::kDead; }));
  ASSERT_EQ(ours().size(), 1U);
  EXPECT_TRUE(host_->end(ours()[0].identity, kPatience));
  EXPECT_TRUE(ours().empty());
}

TEST_F(TmuxHost, AnAgentThatEndedIsDeadThoughItsPaneIsKept) {
  const auto made = must_create(spec("kept"));
  ASSERT_TRUE(tmux({"set-option", "-t", "=kept:", "remain-on-exit", "on"})->ok());
  ASSERT_TRUE(base::signal_process(*made.process, SIGKILL));
  EXPECT_TRUE(eventually([&] { return host_->liveness(*host_->list(), made) == Liveness::kDead; }));
  ASSERT_EQ(ours().size(), 1U);
  EXPECT_TRUE(host_->end(ours()[0].identity, kPatience));
  EXPECT_TRUE(ours().empty());
}

TEST_F(TmuxHost, AnAgentThatLivesInAnotherSessionByNowIsUnknown) {
  const auto made = must_create(spec("moved"));
  ASSERT_TRUE(tmux({"split-window", "-t", "=moved:", "sleep", "1000"})->ok());
  must_create(spec("other"));
  ASSERT_TRUE(tmux({"join-pane", "-d", "-s", "=moved:.0", "-t", "=other:"})->ok());
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kUnknown);
  EXPECT_EQ(base::liveness(*made.process), Liveness::kAlive);
}

TEST_F(TmuxHost, ASessionWithMorePanesIsListedOnceByItsFirst) {
  const auto made = must_create(spec("split"));
  ASSERT_TRUE(tmux({"split-window", "-t", "=split:", "sleep", "1000"})->ok());
  ASSERT_TRUE(tmux({"new-window", "-t", "=split:", "sleep", "1000"})->ok());
  ASSERT_EQ(ours().size(), 1U);
  EXPECT_TRUE(ours()[0].identity == made);
  EXPECT_TRUE(host_->end(made, kPatience));
  EXPECT_TRUE(ours().empty());
}

TEST_F(TmuxHost, ConcurrentFirstCreatesStartOneServer) {
  std::vector<SessionIdentity> made(6);
  {
    std::vector<std::jthread> threads;
    threads.reserve(made.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      threads.emplace_back(
          [this, i, &made] { made[i] = must_create(spec(fmt::format("first-{}", i))); });
    }
  }
  for (const auto& session : made) EXPECT_EQ(session.server, made[0].server);
  EXPECT_EQ(ours().size(), made.size());
}

TEST_F(TmuxHost, ThePrivateServerOutlivesItsLastSession) {
  const auto made = must_create(spec("only"));
  ASSERT_TRUE(host_->end(made, kPatience));
  const auto listing = host_->list();
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->server_running);
  EXPECT_EQ(listing->server, made.server);
}

TEST_F(TmuxHost, AServerThatIsNotPrivateHasNoKeeper) {
  auto options = private_options();
  options.private_server = false;
  host_ = make_tmux_host(options);
  must_create(spec("a-1"));
  const auto listing = host_->list();
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->sessions.size(), 1U);
}

TEST_F(TmuxHost, CapturesTheLastLinesOfTheScreen) {
  const auto made = must_create(spec("screen", "seq 1 100; echo end; exec sleep 1000"));
  const auto shows = [&](int lines, const std::string& text) {
    return eventually([&] { return host_->capture(made, lines).value_or("") == text; });
  };
  EXPECT_TRUE(shows(3, "99\n100\nend")) << *host_->capture(made, 3);
  EXPECT_EQ(*host_->capture(made, 1), "end");
  EXPECT_TRUE(host_->capture(made, 1000)->starts_with("1\n2\n3\n"));
  auto stale = made;
  stale.session_id = "$999";
  EXPECT_EQ(host_->capture(stale, 3).error().code, Errc::kNotFound);
  ASSERT_TRUE(host_->end(made, kPatience));
  EXPECT_EQ(host_->capture(made, 3).error().code, Errc::kNotFound);
}

TEST_F(TmuxHost, TooLongACommandIsInvalid) {
  auto wanted = spec("long");
  wanted.argv.emplace_back(20'000, 'x');
  EXPECT_EQ(host_->create(wanted).error().code, Errc::kInvalid);
  auto fits = spec("fits");
  fits.argv.emplace_back(15'000, 'x');
  must_create(fits);
}

TEST_F(TmuxHost, TooLongASocketPathIsInvalidAndSaysSo) {
  auto options = private_options();
  options.socket = "/tmp/" + std::string(110, 's');
  const auto made = make_tmux_host(options)->create(spec("a-1"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::kInvalid);
  EXPECT_TRUE(made.error().message.contains("too long")) << made.error().message;
}

TEST_F(TmuxHost, TheCallersOwnTmuxIsNotUsed) {
  ::setenv("TMUX", "/tmp/no-such-socket,1,0", 1);
  must_create(spec("a-1", "env > out.tmp; mv out.tmp out; exec sleep 1000"));
  ::unsetenv("TMUX");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(work_ / "out"); }));
  EXPECT_TRUE(text_of(work_ / "out").contains("TMUX=" + socket()));
}

TEST_F(TmuxHost, WhatTmuxDoesNotSayClearlyConcludesNothing) {
  const auto made = must_create(spec("a-1"));
  for (const std::string& answer : std::vector<std::string>{
           "echo nonsense >&2; exit 1", "echo nonsense", "exit 1", "kill -9 $$",
           "echo 'error connecting to /x (Permission denied)' >&2; exit 1",
           "echo 'error connecting to /x (Connection reset by peer)' >&2; exit 1",
           "echo 'server exited unexpectedly' >&2; exit 1", kHangs}) {
    const auto host = host_with(answer, answer == kHangs ? kShort : kPatience);
    const auto listing = host->list();
    ASSERT_FALSE(listing) << answer;
    EXPECT_EQ(listing.error().code, Errc::kUnavailable) << answer;
    EXPECT_FALSE(host->end(made, kPatience)) << answer;
    EXPECT_FALSE(host->create(spec("b-1"))) << answer;
  }
  EXPECT_EQ(host_->liveness(*host_->list(), made), Liveness::kAlive);
}

TEST_F(TmuxHost, ASlowTmuxIsATimeout) {
  EXPECT_EQ(host_with(kHangs, kShort)->create(spec("a-1")).error().code, Errc::kTimeout);
}

TEST_F(TmuxHost, AMissingTmuxIsUnavailable) {
  auto options = private_options();
  options.tmux = "/no/such/tmux";
  EXPECT_EQ(make_tmux_host(options)->list().error().code, Errc::kUnavailable);
}

TEST_F(TmuxHost, ADyingServerIsTriedAgainUnderTheSameName) {
  const auto host = host_with(fmt::format(
      "if mkdir '{0}/once' 2>/dev/null; then echo 'server exited unexpectedly' >&2; exit 1; fi\n"
      "exec tmux \"$@\"",
      folder_.string()));
  const auto made = host->create(spec("a-1"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(ours().size(), 1U);
}

TEST_F(TmuxHost, ASessionMadeByTheLostCallIsAdopted) {
  must_create(spec("before"));
  const auto host = host_with(
      fmt::format("case \"$*\" in *new-session*) if mkdir '{0}/once' 2>/dev/null; then tmux \"$@\" "
                  ">/dev/null 2>&1; "
                  "echo 'server exited unexpectedly' >&2; exit 1; fi;; esac\nexec tmux \"$@\"",
                  folder_.string()));
  const auto made = host->create(spec("a-1"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(host_->liveness(*host_->list(), *made), Liveness::kAlive);
}

}  // namespace
}  // namespace orc
