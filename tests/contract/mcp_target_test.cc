// Goal: an orchestrator that is an MCP server is a target like any other.
// Method: the correct specimen, served over stdio, with a tmux server of its own.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/target/target.h"
#include "orchestrator/base/subprocess.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

constexpr const char* kTarget = SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/mcp/orchestrator.json";
constexpr const char* kProgram =
    SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/mcp/orchestrator_mcp.py";

/// Errors become the text that is compared.
std::string told(const Reply& reply) {
  switch (reply.outcome) {
    case OpOutcome::kOk:
      return "ok";
    case OpOutcome::kRefused:
      return "refused";
    case OpOutcome::kInfo:
      return "info: " + reply.error;
  }
  return "";
}

class McpTargetTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"home", "tmux", "scratch"}) fs::create_directory(folder_ / name);
    place_.workspace = folder_ / "workspace";
    place_.agent_log = folder_ / "agents.jsonl";
    place_.scratch = folder_ / "scratch";
    place_.env = {"PATH=/usr/bin:/bin", "SHELL=/bin/sh", "LANG=C.UTF-8",
                  "HOME=" + (folder_ / "home").string(),
                  "TMUX_TMPDIR=" + (folder_ / "tmux").string()};
    const auto furnished = furnish(kTarget, place_);
    ASSERT_TRUE(furnished) << furnished.error().message;
    auto made = make_target(kTarget, place_);
    ASSERT_TRUE(made) << made.error().message;
    target_ = std::move(*made);
    const auto ready = target_->setup({});
    ASSERT_TRUE(ready) << ready.error().message;
  }

  void TearDown() override {
    base::Command command;
    command.argv = {"tmux", "kill-server"};
    command.env = place_.env;
    (void)base::run(command);
  }

  std::string spawn() {
    const Reply reply = target_->spawn({.task = "TASK-A", .type = "worker"});
    EXPECT_EQ(told(reply), "ok");
    return reply.agent;
  }
  std::string status_of(const std::string& agent) {
    const Observation seen = target_->observer().observe();
    for (const ObservedAgent& one : seen.agents) {
      if (one.id == agent) return one.status;
    }
    return "not there: " + seen.error;
  }

  tests::TempFolder folder_;
  RunPlace place_;
  std::unique_ptr<Target> target_;
};

TEST_F(McpTargetTest, ItsToolsAreTheOperations) {
  const std::string agent = spawn();
  EXPECT_EQ(status_of(agent), "running");
  EXPECT_EQ(told(target_->update(agent,
                                 {{"status", "working"}, {"progress", "40"}, {"message", "op-1"}})),
            "ok");
  EXPECT_EQ(status_of(agent), "working");
  const Reply listed = target_->list();
  EXPECT_EQ(told(listed), "ok");
  EXPECT_THAT(listed.seen, Contains(agent));
  EXPECT_EQ(told(target_->validate()), "ok");
  EXPECT_EQ(told(target_->kill(agent)), "ok");
  EXPECT_EQ(status_of(agent), "terminated");
}

TEST_F(McpTargetTest, WhatAnErrorsTextDeclaresHasHadNoEffect) {
  const Reply refused = target_->kill("nobody");
  EXPECT_EQ(told(refused), "refused");
  EXPECT_THAT(refused.error, HasSubstr("there is no agent nobody"));
}

TEST_F(McpTargetTest, OtherErrorsMayHaveHadOne) {
  fs::remove(place_.workspace / "registry.json");
  EXPECT_THAT(told(target_->spawn({.task = "TASK-A", .type = "worker"})),
              HasSubstr("info: failed"));
}

TEST_F(McpTargetTest, RepairTellsWhatItDid) {
  const std::string agent = spawn();
  TearDown();  // its session is gone now
  const RepairReply dry = target_->repair(true);
  EXPECT_TRUE(dry.ok) << dry.error;
  EXPECT_EQ(dry.reported, 1);
  EXPECT_EQ(status_of(agent), "running");
  EXPECT_EQ(target_->repair(false).reported, 1);
  EXPECT_EQ(status_of(agent), "failed");
  EXPECT_EQ(target_->repair(false).reported, 0);
}

TEST_F(McpTargetTest, AToolThatTheServerLacksIsSaidBeforeTheRun) {
  const fs::path file = folder_ / "wrong.json";
  std::ofstream(file) << R"({"extends": ")" << kTarget << R"(", "setup": null, "mcp": {"argv": )"
                      << R"(["/usr/bin/python3", "-B", ")" << kProgram << R"(", "serve", "x"]},)"
                      << R"("kill": {"tool": "kil_agent"}})";
  fs::remove_all(place_.workspace);
  const auto wrong = make_target(file, place_);
  ASSERT_TRUE(wrong) << wrong.error().message;
  const auto ready = (*wrong)->setup({});
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message,
              HasSubstr("no tool \"kil_agent\"; it has spawn_agent, kill_agent"));
}

TEST_F(McpTargetTest, EvenALoginShellFindsTheStandIns) {
  base::Command command;
  command.argv = {"/bin/sh", "-l", "-c", "command -v gemini"};
  command.env = place_.env;
  const auto found = base::run(command);
  ASSERT_TRUE(found) << found.error().message;
  const std::string bin = (place_.scratch / "bin").string();
  EXPECT_EQ(found->out, bin + "/gemini\n");
}

TEST_F(McpTargetTest, AServerIsWorkInProgressAndNoAgent) {
  EXPECT_TRUE(target_->in_transit(std::string("/usr/bin/python3 -B ") + kProgram + " serve /x"));
  EXPECT_FALSE(target_->in_transit("claude"));
}

}  // namespace
}  // namespace stress
