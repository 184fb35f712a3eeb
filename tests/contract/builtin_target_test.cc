#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/supervise/group.h"
#include "harness/target/builtin.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/random_id.h"
#include "orchestrator/base/subprocess.h"
#include "tests/contract/start_process.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;

/// The target in a folder with a space, its agents ended whatever happens.
class BuiltinTarget : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto made = Group::create("t" + base::random_id());
    ASSERT_TRUE(made) << made.error().message;
    group_.emplace(*std::move(made));
    // The library starts sessions from this very process.
    ASSERT_EQ(::setenv("SPAWNSTORM_RUN", group_->token().c_str(), 1), 0);
    ASSERT_EQ(::unsetenv("TMUX"), 0);
    std::string name = "/tmp/ss-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    place_ = {.workspace = folder_ / "work space",
              .agent_log = folder_ / "agents.jsonl",
              .tmux_socket = folder_ / "tmux",
              .sessions = GetParam(),
              .env = base::current_environment()};
    target_ = make_builtin(place_);
  }
  void TearDown() override {
    target_.reset();
    group_.reset();
    fs::remove_all(folder_);
  }

  void setup(const TargetSetup& setup = {}) {
    const auto done = target_->setup(setup);
    ASSERT_TRUE(done) << done.error().message;
  }
  Reply spawn(const std::string& type = "worker") {
    return target_->spawn({.task = target_->tasks().front(), .type = type});
  }
  std::string spawned() {
    const Reply reply = spawn();
    EXPECT_EQ(reply.outcome, OpOutcome::kOk) << reply.error;
    return reply.agent;
  }
  [[nodiscard]] ObservedAgent observed(const std::string& id) const {
    const auto seen = target_->observer().observe();
    EXPECT_TRUE(seen.readable) << seen.error;
    for (const auto& agent : seen.agents) {
      if (agent.id == id) return agent;
    }
    return {};
  }
  [[nodiscard]] std::string agent_log() const {
    return base::read_file(place_.agent_log).value_or("");
  }
  /// A spawn is acknowledged when its session is there; the agent itself may still be at its gate.
  [[nodiscard]] bool wait_for_birth(const std::string& id) const {
    const auto deadline = base::monotonic_ns() + 60'000'000'000;
    while (base::monotonic_ns() < deadline) {
      if (agent_log().find("\"event\":\"birth\",\"agent\":\"" + id + "\"") != std::string::npos) {
        return true;
      }
      ::sched_yield();
    }
    return false;
  }
  [[nodiscard]] std::string registry() const {
    return base::read_file(place_.workspace / "registry.json").value_or("");
  }

  std::optional<Group> group_;
  fs::path folder_;
  RunPlace place_;
  std::unique_ptr<Target> target_;
};

INSTANTIATE_TEST_SUITE_P(Sessions, BuiltinTarget, ::testing::Values("process", "tmux"),
                         [](const auto& sessions) { return std::string(sessions.param); });

TEST_P(BuiltinTarget, SetupMakesARegistryThatAnOutsiderCanReadOfSomePages) {
  setup({.preload = 30});
  const auto seen = target_->observer().observe();
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_GE(seen.bytes.size(), 3U * 4096);
  ASSERT_EQ(seen.agents.size(), 30U);
  const auto facts = target_->facts();
  for (const auto& agent : seen.agents) EXPECT_TRUE(facts.terminal.contains(agent.status));
  EXPECT_EQ(seen.counts, (StoredCounts{.total = 30, .active = 0, .completed = 30}));
  for (const auto& task : target_->tasks()) {
    ASSERT_TRUE(seen.counts_by_task.contains(task));
    EXPECT_EQ(seen.counts_by_task.at(task),
              (StoredCounts{.total = 15, .active = 0, .completed = 15}));
  }
  EXPECT_TRUE(seen.generation.has_value());
  EXPECT_TRUE(seen.duplicate_ids.empty());
}

TEST_P(BuiltinTarget, AnAcknowledgedSpawnIsSeenInTheRegistryAndInItsAgentsOwnWord) {
  setup();
  const std::string id = spawned();
  const ObservedAgent agent = observed(id);
  EXPECT_EQ(agent.status, "running");
  EXPECT_EQ(agent.type, "worker");
  EXPECT_EQ(agent.task, target_->tasks().front());
  EXPECT_EQ(agent.parent, target_->facts().root_parent);
  EXPECT_EQ(agent.depth, 1);
  EXPECT_EQ(agent.session, target_->session_naming().prefix + id);
  EXPECT_FALSE(agent.created.empty());
  EXPECT_GE(agent.version.value_or(0), 2U);
  ASSERT_TRUE(agent.pid.has_value());
  EXPECT_EQ(::kill(static_cast<pid_t>(*agent.pid), 0), 0);
  const auto seen = target_->observer().observe();
  EXPECT_EQ(seen.counts, (StoredCounts{.total = 1, .active = 1, .completed = 0}));
  EXPECT_TRUE(wait_for_birth(id));
}

TEST_P(BuiltinTarget, UpdatesAreObservedFieldByField) {
  setup();
  const std::string id = spawned();
  const auto before = observed(id).version;
  const Reply reply =
      target_->update(id, {{"status", "working"}, {"progress", "40"}, {"message", "op-1"}});
  ASSERT_EQ(reply.outcome, OpOutcome::kOk) << reply.error;
  const ObservedAgent agent = observed(id);
  EXPECT_EQ(agent.status, "working");
  EXPECT_EQ(agent.fields.at("progress"), "40");
  EXPECT_EQ(agent.fields.at("message"), "op-1");
  EXPECT_GT(agent.version, before);
}

TEST_P(BuiltinTarget, AKilledAgentIsTerminatedAndItsProcessGone) {
  setup();
  const std::string id = spawned();
  const auto pid = observed(id).pid;
  ASSERT_TRUE(pid.has_value());
  const test::Scoped process(static_cast<pid_t>(*pid));
  const Reply reply = target_->kill(id);
  ASSERT_EQ(reply.outcome, OpOutcome::kOk) << reply.error;
  EXPECT_EQ(observed(id).status, "terminated");
  EXPECT_FALSE(process.alive());
}

TEST_P(BuiltinTarget, RefusedMeansNoEffectAndOnlyThat) {
  setup({.max_concurrent = 1});
  const std::string id = spawned();
  const std::string before = registry();
  EXPECT_EQ(spawn().outcome, OpOutcome::kRefused) << "over the limit";
  EXPECT_EQ(target_->spawn({.task = "NONE", .type = "worker"}).outcome, OpOutcome::kRefused);
  EXPECT_EQ(target_->spawn({.task = target_->tasks()[0], .type = "no name"}).outcome,
            OpOutcome::kRefused);
  EXPECT_EQ(target_->kill("none").outcome, OpOutcome::kRefused);
  EXPECT_EQ(target_->update("none", {{"message", "x"}}).outcome, OpOutcome::kRefused);
  EXPECT_EQ(target_->update(id, {{"status", "terminated"}}).outcome, OpOutcome::kRefused);
  EXPECT_EQ(target_->update(id, {{"status", "no status"}}).outcome, OpOutcome::kRefused);
  EXPECT_EQ(target_->update(id, {{"progress", "much"}}).outcome, OpOutcome::kRefused);
  EXPECT_EQ(target_->update(id, {{"no field", "x"}}).outcome, OpOutcome::kRefused);
  EXPECT_EQ(registry(), before);
}

TEST_P(BuiltinTarget, WhatFailsForAnyOtherReasonMayHaveHappened) {
  const Reply early = spawn();
  EXPECT_EQ(early.outcome, OpOutcome::kInfo) << "there is no workspace yet";
  EXPECT_FALSE(early.error.empty());
  setup();
  fs::remove_all(place_.workspace / "backups");
  std::ofstream(place_.workspace / "registry.json") << "{";
  EXPECT_EQ(spawn().outcome, OpOutcome::kInfo);
  EXPECT_EQ(target_->list().outcome, OpOutcome::kInfo);
  EXPECT_EQ(target_->kill("none").outcome, OpOutcome::kInfo);
}

TEST_P(BuiltinTarget, ListNamesEveryRecord) {
  setup({.preload = 2});
  const std::string id = spawned();
  const Reply reply = target_->list();
  ASSERT_EQ(reply.outcome, OpOutcome::kOk) << reply.error;
  EXPECT_EQ(reply.seen.size(), 3U);
  EXPECT_THAT(reply.seen, Contains(id));
}

// Goal: what the harness takes from repair is what repair does.
// Method: an agent dies behind the registry's back; count what is said, and look.
TEST_P(BuiltinTarget, RepairSaysHowManyItMadeAndDryRunHowManyItWould) {
  setup();
  const std::string id = spawned();
  ASSERT_TRUE(observed(id).pid.has_value());
  const test::Scoped process(static_cast<pid_t>(*observed(id).pid));
  ASSERT_EQ(::kill(process.pid(), SIGKILL), 0);
  ASSERT_TRUE(test::wait_death(process.fd()));
  EXPECT_EQ(target_->validate().outcome, OpOutcome::kOk) << "findings are no failure";
  const std::string before = registry();
  const RepairReply dry = target_->repair(true);
  ASSERT_TRUE(dry.ok) << dry.error;
  EXPECT_EQ(registry(), before);
  const RepairReply made = target_->repair(false);
  ASSERT_TRUE(made.ok) << made.error;
  EXPECT_EQ(observed(id).status, "failed");
  EXPECT_GE(made.reported.value_or(0), 1);
  EXPECT_EQ(made.reported, dry.reported);
  const RepairReply again = target_->repair(false);
  ASSERT_TRUE(again.ok) << again.error;
  EXPECT_EQ(again.reported, 0);
}

TEST_P(BuiltinTarget, ARepairThatCannotWorkIsNotOk) {
  const RepairReply reply = target_->repair(false);
  EXPECT_FALSE(reply.ok);
  EXPECT_FALSE(reply.error.empty());
  EXPECT_FALSE(reply.reported.has_value());
}

TEST_P(BuiltinTarget, FactsFollowTheSetup) {
  setup({.max_concurrent = 3, .max_agents = 7, .max_depth = 2, .preload = 5, .unique_types = true});
  const TargetFacts facts = target_->facts();
  EXPECT_EQ(facts.max_concurrent, 3);
  EXPECT_EQ(facts.max_agents, 12) << "the preloaded ones were admitted too";
  EXPECT_EQ(facts.max_depth, 2);
  EXPECT_TRUE(facts.promises_no_duplicates);
  EXPECT_EQ(facts.sessions, GetParam());
  const auto plain = make_builtin(place_)->facts();
  EXPECT_FALSE(plain.max_concurrent.has_value());
  EXPECT_FALSE(plain.max_agents.has_value());
  EXPECT_FALSE(plain.promises_no_duplicates);
}

TEST_P(BuiltinTarget, ASecondAgentOfAUniqueTypeIsRefused) {
  setup({.unique_types = true});
  const SpawnArguments arguments{
      .task = target_->tasks()[0], .type = "only", .parent = "", .unique_type = true};
  EXPECT_EQ(target_->spawn(arguments).outcome, OpOutcome::kOk);
  EXPECT_EQ(target_->spawn(arguments).outcome, OpOutcome::kRefused);
}

TEST_P(BuiltinTarget, AChildIsOneDeeperThanItsParent) {
  setup({.max_depth = 2});
  const std::string parent = spawned();
  const Reply child =
      target_->spawn({.task = target_->tasks()[0], .type = "child", .parent = parent});
  ASSERT_EQ(child.outcome, OpOutcome::kOk) << child.error;
  EXPECT_EQ(observed(child.agent).depth, 2);
  EXPECT_EQ(observed(child.agent).parent, parent);
  EXPECT_EQ(
      target_->spawn({.task = target_->tasks()[0], .type = "deep", .parent = child.agent}).outcome,
      OpOutcome::kRefused);
}

TEST_P(BuiltinTarget, ManyThreadsSpawnAtOnceByOneObject) {
  setup();
  std::vector<Reply> replies(8);
  std::vector<std::thread> threads;
  threads.reserve(replies.size());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    threads.emplace_back([&, i] { replies[i] = spawn("worker" + std::to_string(i)); });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> ids;
  for (const auto& reply : replies) {
    EXPECT_EQ(reply.outcome, OpOutcome::kOk) << reply.error;
    ids.insert(reply.agent);
  }
  EXPECT_EQ(ids.size(), replies.size());
  const auto seen = target_->observer().observe();
  EXPECT_EQ(seen.counts.active, static_cast<std::int64_t>(replies.size()));
}

TEST_P(BuiltinTarget, DeclaredLogsAreAllThatValidateWrites) {
  setup();
  spawned();
  const auto files = [&] {
    std::map<std::string, std::string> all;
    const auto logs = target_->declared_logs();
    for (const auto& entry : fs::recursive_directory_iterator(place_.workspace)) {
      if (!entry.is_regular_file() || std::ranges::find(logs, entry.path()) != logs.end()) continue;
      all[entry.path().string()] = base::read_file(entry.path()).value_or("");
    }
    return all;
  };
  const auto before = files();
  EXPECT_EQ(target_->validate().outcome, OpOutcome::kOk);
  EXPECT_EQ(files(), before);
  EXPECT_TRUE(fs::exists(target_->declared_logs().front()));
}

TEST_P(BuiltinTarget, IsFoundByItsName) {
  register_builtin();
  const auto made = make_target("builtin", place_);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->facts().name, "builtin");
  EXPECT_TRUE((*made)->session_naming().value.empty()) << "no workspace yet";
  setup();
  EXPECT_FALSE((*made)->session_naming().value.empty());
  EXPECT_EQ((*made)->session_naming().value, target_->session_naming().value);
}

}  // namespace
}  // namespace stress
