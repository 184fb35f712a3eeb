// The promises of orc::Store, for every store there is.
#include "tests/contract/store_contract.h"

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "orchestrator/base/random_id.h"

namespace orc {
namespace {

base::Result<Commit> set_status(Store& store, const std::string& id, AgentStatus status) {
  return store.transact("status", id, [&](Transaction& transaction) -> base::Status {
    auto agent = transaction.agent(id);
    if (!agent) return std::unexpected(agent.error());
    agent->status = status;
    transaction.put(*std::move(agent));
    return {};
  });
}

TEST_P(StoreContract, CreateMakesAnEmptyRegistryExactlyOnce) {
  auto store = open();
  ASSERT_TRUE(store->create(Limits{7, 8, 9}));
  EXPECT_EQ(store->create(Limits{}).error().code, base::Errc::kExists);
  const auto state = store->read();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ((*state)->limits(), (Limits{7, 8, 9}));
  EXPECT_EQ((*state)->counts(), Counts{});
  EXPECT_TRUE((*state)->agents().empty());
  EXPECT_TRUE((*state)->tasks().empty());
  EXPECT_EQ((*state)->restored_from(), std::nullopt);
}

TEST_P(StoreContract, WhatWasNeverCreatedIsNotFoundAndNotMadeByAsking) {
  std::filesystem::create_directory(workspace_);
  auto store = open();
  const auto nothing = [](auto&) -> base::Status { return {}; };
  EXPECT_EQ(store->read().error().code, base::Errc::kNotFound);
  EXPECT_EQ(store->inspect(nothing).error().code, base::Errc::kNotFound);
  EXPECT_EQ(store->transact("x", "", nothing).error().code, base::Errc::kNotFound);
  EXPECT_EQ(store->damage().error().code, base::Errc::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(workspace_));
}

TEST_P(StoreContract, WhatWasCommittedIsThereForEverybody) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_task("TASK-1")));
  auto agent = make_agent("a-1");
  agent.message = "käse \"quoted\" \n {\"agents\":{";
  const auto commit = put(*store, agent);
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_EQ(commit->generation_after, commit->generation_before + 1);
  const auto state = open()->read();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ((*state)->generation(), commit->generation_after);
  EXPECT_EQ((*state)->agent("a-1").value().message, agent.message);
  ASSERT_NE((*state)->task("TASK-1"), nullptr);
  EXPECT_EQ((*state)->task("TASK-1")->description, "describe TASK-1");
  EXPECT_EQ((*state)->agent("a-2").error().code, base::Errc::kNotFound);
  EXPECT_EQ((*state)->find("a-2"), nullptr);
  EXPECT_EQ((*state)->task("TASK-2"), nullptr);
}

TEST_P(StoreContract, AStateStaysAsItWasRead) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_agent("a-1")));
  const auto before = store->read().value();
  ASSERT_TRUE(set_status(*store, "a-1", AgentStatus::kCompleted));
  ASSERT_TRUE(put(*store, make_agent("a-2")));
  EXPECT_EQ(before->agents().size(), 1U);
  EXPECT_EQ(before->find("a-1")->status, AgentStatus::kStarting);
}

TEST_P(StoreContract, ABodyThatFailsOrThrowsChangesNothing) {
  auto store = created();
  const auto generation = store->read().value()->generation();
  const auto failed = store->transact("x", "", [](Transaction& transaction) -> base::Status {
    transaction.put(make_agent("a-1"));
    return base::fail(base::Errc::kRefused, "no");
  });
  EXPECT_EQ(failed.error().code, base::Errc::kRefused);
  EXPECT_FALSE(store->transact("x", "", [](Transaction& transaction) -> base::Status {
    transaction.put(make_agent("a-1"));
    throw std::runtime_error("thrown");
  }));
  const auto state = store->read().value();
  EXPECT_EQ(state->generation(), generation);
  EXPECT_TRUE(state->agents().empty());
}

TEST_P(StoreContract, APutThatIsRefusedFailsTheWholeTransaction) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_agent("a-1")));
  auto other_task = make_agent("a-1", "TASK-2");
  auto other_type = make_agent("a-1");
  other_type.type = "tester";
  auto other_birth = make_agent("a-1");
  other_birth.created_at = base::WallTime{std::chrono::seconds{5}};
  auto not_utf8 = make_agent("a-9");
  not_utf8.message = "\xFF";
  for (const auto& bad : {other_task, other_type, other_birth, not_utf8, make_agent(""),
                          make_agent("a\"b"), make_agent("a\\b"), make_agent("a\nb")}) {
    const auto refused = store->transact("x", "", [&](Transaction& transaction) -> base::Status {
      transaction.put(make_agent("a-2"));
      transaction.put(bad);
      transaction.put(make_agent("a-3"));
      return {};
    });
    ASSERT_FALSE(refused) << bad.id;
    EXPECT_EQ(refused.error().code, base::Errc::kInvalid) << refused.error().message;
  }
  EXPECT_EQ(store->read().value()->agents().size(), 1U);
}

TEST_P(StoreContract, ANoOpIsNoGeneration) {
  auto store = created();
  const auto commit = store->transact("x", "", [](Transaction& transaction) -> base::Status {
    transaction.recount();
    transaction.set_limits(transaction.limits());
    return {};
  });
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->generation_before, commit->generation_after);
  EXPECT_EQ(store->read().value()->generation(), commit->generation_after);
}

TEST_P(StoreContract, TheVersionGrowsByOneWithEachChangeAndTimesAreKept) {
  auto store = created();
  auto agent = make_agent("a-1");
  agent.version = 77;
  ASSERT_TRUE(put(*store, agent));
  const auto first = store->read().value()->agent("a-1").value();
  EXPECT_EQ(first.version, 1U);
  EXPECT_NE(first.created_at, base::WallTime{});
  ASSERT_TRUE(set_status(*store, "a-1", AgentStatus::kRunning));
  const auto second = store->read().value()->agent("a-1").value();
  EXPECT_EQ(second.version, 2U);
  EXPECT_EQ(second.created_at, first.created_at);
  EXPECT_GE(second.updated_at, first.updated_at);
  auto third = second;
  third.updated_at = base::WallTime{std::chrono::seconds{42}};
  ASSERT_TRUE(put(*store, third));
  EXPECT_EQ(store->read().value()->agent("a-1").value().updated_at, third.updated_at);
}

TEST_P(StoreContract, RecordsStayInTheOrderOfTheirAdmission) {
  auto store = created();
  const std::vector<std::string> ids{"z-1", "a-1", "m-1", "a-0"};
  for (const auto& id : ids) ASSERT_TRUE(put(*store, make_agent(id)));
  ASSERT_TRUE(set_status(*store, "a-1", AgentStatus::kFailed));
  const auto state = store->read().value();
  ASSERT_EQ(state->agents().size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(state->agents()[i].id, ids[i]);
}

TEST_P(StoreContract, CountsFollowTheRecords) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_task("TASK-1")));
  ASSERT_TRUE(put(*store, make_task("TASK-2")));
  int number = 0;
  for (int status = 0; status <= static_cast<int>(AgentStatus::kTerminated); ++status) {
    ASSERT_TRUE(put(*store, make_agent("a-" + std::to_string(++number), "TASK-1",
                                       static_cast<AgentStatus>(status))));
  }
  ASSERT_TRUE(put(*store, make_agent("b-1", "TASK-2")));
  const auto state = store->read().value();
  const Counts all{.agents_total = 10,
                   .agents_active = 6,
                   .agents_completed = 1,
                   .tasks_total = 2,
                   .tasks_active = 2};
  EXPECT_EQ(state->counts(), all);
  EXPECT_EQ(state->stored_counts(), all);
  const std::map<std::string, Counts> by_task{
      {"TASK-1", {.agents_total = 9, .agents_active = 5, .agents_completed = 1}},
      {"TASK-2", {.agents_total = 1, .agents_active = 1, .agents_completed = 0}}};
  EXPECT_EQ(state->counts_by_task(), by_task);
  EXPECT_EQ(state->stored_counts_by_task(), by_task);
}

TEST_P(StoreContract, ATransactionSeesItsOwnChanges) {
  auto store = created();
  ASSERT_TRUE(store->transact("x", "", [](Transaction& transaction) -> base::Status {
    transaction.put(make_task("TASK-1"));
    for (int i = 0; i < 50; ++i) transaction.put(make_agent("a-" + std::to_string(i)));
    EXPECT_EQ(transaction.counts().agents_active, 50);
    auto agent = transaction.agent("a-7").value();
    agent.status = AgentStatus::kCompleted;
    transaction.put(agent);
    EXPECT_EQ(transaction.find("a-7")->status, AgentStatus::kCompleted);
    EXPECT_EQ(transaction.counts().agents_completed, 1);
    EXPECT_EQ(transaction.tasks().size(), 1U);
    EXPECT_EQ(transaction.document()["agents"].size(), 50U);
    return {};
  }));
  EXPECT_EQ(store->read().value()->counts().agents_active, 49);
}

TEST_P(StoreContract, UnknownMembersSurviveChangesOfTheirRecord) {
  auto store = created();
  auto agent = make_agent("a-1");
  agent.source = Json{{"mine", {{"z", 1}, {"a", 2}}}};
  auto task = make_task("TASK-1");
  task.source = Json{{"own", "x"}};
  ASSERT_TRUE(put(*store, agent));
  ASSERT_TRUE(put(*store, task));
  ASSERT_TRUE(set_status(*store, "a-1", AgentStatus::kRunning));
  // Replaced by somebody who never read it.
  auto stranger = make_agent("a-1");
  stranger.created_at = store->read().value()->agent("a-1").value().created_at;
  ASSERT_TRUE(put(*store, stranger));
  const Json document = store->read().value()->document();
  EXPECT_EQ(document["agents"]["a-1"]["mine"].dump(), R"({"z":1,"a":2})");
  EXPECT_EQ(document["tasks"]["TASK-1"]["own"], "x");
}

TEST_P(StoreContract, LimitsAndTasksChange) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_task("TASK-1")));
  ASSERT_TRUE(store->transact("x", "", [](Transaction& transaction) -> base::Status {
    transaction.set_limits({1, 2, 3});
    Task task = *transaction.task("TASK-1");
    task.status = "cancelled";
    transaction.put(task);
    return {};
  }));
  const auto state = store->read().value();
  EXPECT_EQ(state->limits(), (Limits{1, 2, 3}));
  EXPECT_EQ(state->task("TASK-1")->status, "cancelled");
  EXPECT_EQ(state->counts().tasks_active, 0);
  EXPECT_EQ(state->counts(), state->stored_counts());
}

TEST_P(StoreContract, InspectShowsThePresentStateAndPassesErrorsOn) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_agent("a-1")));
  std::size_t seen = 0;
  EXPECT_TRUE(store->inspect([&](const RegistryState& state) -> base::Status {
    seen = state.agents().size();
    return {};
  }));
  EXPECT_EQ(seen, 1U);
  EXPECT_EQ(store
                ->inspect([](const RegistryState&) -> base::Status {
                  return base::fail(base::Errc::kConflict, "x");
                })
                .error()
                .code,
            base::Errc::kConflict);
}

TEST_P(StoreContract, ARestoredBackupIsANewGenerationAboveAll) {
  auto store = created();
  ASSERT_TRUE(put(*store, make_agent("a-1")));
  ASSERT_TRUE(put(*store, make_agent("a-2")));
  const auto latest = put(*store, make_agent("a-3")).value().generation_after;
  const auto backups = store->backups().value();
  const auto wanted = std::ranges::find(backups, latest - 1, &Backup::generation);
  ASSERT_NE(wanted, backups.end());
  EXPECT_TRUE(wanted->good);
  EXPECT_EQ(wanted->agents, 2U);
  const auto commit = store->restore(wanted->name);
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_GT(commit->generation_after, latest);
  const auto state = store->read().value();
  EXPECT_EQ(state->generation(), commit->generation_after);
  EXPECT_EQ(state->restored_from(), latest - 1);
  EXPECT_EQ(state->agents().size(), 2U);
  EXPECT_EQ(store->restore("../registry.json").error().code, base::Errc::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(all_stores()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace orc
