// Where it cannot be known for certain whether an agent lives: a server that is not ours, a host
// that does not answer, a session in motion. There nothing may be touched.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/base/file_io.h"
#include "tests/unit/core_validator_support.h"

namespace orc::core_test {
namespace {

using base::Errc;

/// A stand-in for tmux on the PATH: the user's own server answers as it is told here.
class UsersTmux {
 public:
  explicit UsersTmux(const std::filesystem::path& folder) : folder_(folder) {
    std::filesystem::create_directory(folder_);
    has_no_server();
    ::setenv("PATH", (folder_.string() + ":" + path_).c_str(), 1);
  }
  UsersTmux(const UsersTmux&) = delete;
  UsersTmux& operator=(const UsersTmux&) = delete;
  ~UsersTmux() { ::setenv("PATH", path_.c_str(), 1); }

  void has(const std::string& session) {
    answer(fmt::format("echo 'server:{0}'; echo '{0}:$0:%0:{0}:::{1}'", ::getpid(), session));
  }
  void has_no_server() { answer("echo 'no server running on /tmp/x' >&2; exit 1"); }
  void is_silent() { answer("echo 'nothing that we know' >&2; exit 1"); }

  /// What it was asked, a line each.
  [[nodiscard]] std::string calls() const {
    return base::read_file(folder_ / "calls").value_or("");
  }

 private:
  void answer(const std::string& script) {
    ASSERT_TRUE(base::replace_file(
        folder_ / "tmux",
        fmt::format("#!/bin/sh\necho \"$*\" >>'{}'\n{}\n", (folder_ / "calls").string(), script),
        0700));
  }

  std::filesystem::path folder_;
  std::string path_ = std::getenv("PATH");
};

TEST_F(ValidatorTest, AnImportedAgentOnTheUsersOwnServerIsLeftAlone) {
  UsersTmux tmux(folder / "bin");
  tmux.has("agent_imported");
  plant_imported();
  for (const AgentStatus status : {AgentStatus::kRunning, AgentStatus::kStarting}) {
    change("imported", [&](Agent& agent) { agent.status = status; });
    const auto before = image_of(root);
    EXPECT_TRUE(repair(*workspace)->findings.empty());
    EXPECT_EQ(image_of(root), before);
  }
  EXPECT_TRUE(tmux.calls().starts_with("-N list-commands ")) << "it might start a server";
}

TEST_F(ValidatorTest, AnImportedAgentWhoseServerDoesNotAnswerIsUnknown) {
  UsersTmux tmux(folder / "bin");
  tmux.is_silent();
  plant_imported();
  expect_only_reported(FindingKind::kUnknown);
  EXPECT_EQ(record("imported").status, AgentStatus::kRunning);
}

TEST_F(ValidatorTest, AnImportedAgentThatNoServerHasIsAGhost) {
  UsersTmux tmux(folder / "bin");
  tmux.has("agent_imported-2");
  plant_imported();
  expect_found_and_repaired({FindingKind::kGhost});
  EXPECT_EQ(record("imported").status, AgentStatus::kFailed);
}

TEST_F(ValidatorTest, KillEndsAnImportedAgentOnlyWhereItIsKnownToBeGone) {
  UsersTmux tmux(folder / "bin");
  plant_imported();
  tmux.has("agent_imported");
  EXPECT_EQ(kill_agent(*workspace, "imported", "").error().code, Errc::kUnavailable);
  EXPECT_EQ(record("imported").status, AgentStatus::kStopping);
  expect_only_reported(FindingKind::kStaleStopping);
  tmux.is_silent();
  EXPECT_EQ(kill_agent(*workspace, "imported", "").error().code, Errc::kUnavailable);
  EXPECT_EQ(record("imported").status, AgentStatus::kStopping);
  expect_only_reported(FindingKind::kUnknown);
  tmux.has_no_server();
  EXPECT_TRUE(kill_agent(*workspace, "imported", ""));
  EXPECT_EQ(record("imported").status, AgentStatus::kTerminated);
}

TEST_F(ValidatorTest, TheUsersOwnServerIsAskedForImportedAgentsOnly) {
  UsersTmux tmux(folder / "bin");
  ASSERT_TRUE(repair(*workspace));
  ASSERT_TRUE(kill_agent(*workspace, healthy, ""));
  EXPECT_EQ(tmux.calls(), "");
}

TEST_F(ValidatorTest, ASilentHostIsNoReasonToTouchAnybody) {
  const std::string id = spawn()->agent_id;
  make_starting(id, dead_process());
  host->list_error = base::Error{Errc::kUnavailable, 0, "silent"};
  expect_only_reported(FindingKind::kUnknown);
}

TEST_F(ValidatorTest, UnknownLivenessIsNeverRepaired) {
  host->unknown_liveness = true;
  expect_only_reported(FindingKind::kUnknown);
  EXPECT_EQ(record(healthy).status, AgentStatus::kRunning);
}

TEST_F(ValidatorTest, ASessionSeenInOneListingOnlyIsInMotion) {
  // It comes up, or ends, between the two.
  class Moving final : public SessionHost {
   public:
    Moving(SessionIdentity moving, int shown_in)
        : moving_(std::move(moving)), shown_in_(shown_in) {}
    base::Result<SessionIdentity> create(const SessionSpec&) override {
      return base::fail(Errc::kUnavailable, "not here");
    }
    base::Result<Listing> list() override {
      Listing listing;
      listing.server_running = true;
      if (looks_++ % 2 == shown_in_) listing.sessions.push_back({moving_, workspace, "gone"});
      return listing;
    }
    base::Status end(const SessionIdentity&, std::chrono::milliseconds) override {
      ADD_FAILURE() << "ended a session in motion";
      return {};
    }
    base::Result<std::string> capture(const SessionIdentity&, int) override {
      return base::fail(Errc::kUnavailable, "no screen");
    }
    base::Liveness liveness(const Listing& listing, const SessionIdentity&) const override {
      return listing.sessions.empty() ? base::Liveness::kDead : base::Liveness::kAlive;
    }
    std::string workspace;

   private:
    SessionIdentity moving_;
    int shown_in_;  // 0: the first of two listings, 1: the second
    int looks_ = 0;
  };
  for (const int shown_in : {0, 1}) {
    auto moving = std::make_unique<Moving>(*record(healthy).session, shown_in);
    moving->workspace = workspace->config().workspace_id;
    const auto other = Workspace::open(root, {.operations_log = true, .host = std::move(moving)});
    EXPECT_TRUE(repair(*other)->findings.empty());
    EXPECT_EQ(to_json(record(healthy)), healthy_record);
  }
}

}  // namespace
}  // namespace orc::core_test
