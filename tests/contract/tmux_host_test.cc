// What only the tmux host can get wrong: sockets, texts, quoting, and what a user does to sessions.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/session/session_host.h"
#include "tests/contract/session_host_support.h"

namespace orc::session_test {
namespace {

using base::Errc;
using base::Liveness;

const std::string kHangs = "exec sleep 1000";
constexpr std::chrono::milliseconds kShort{300};

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
}  // namespace orc::session_test
