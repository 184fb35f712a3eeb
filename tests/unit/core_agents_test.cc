#include "tests/unit/core_support.h"

namespace orc::core_test {
namespace {

using base::Errc;
using AgentsTest = CoreTest;

TEST_F(AgentsTest, UpdateWritesWhatItSaysAndGrowsTheVersion) {
  const std::string id = spawn()->agent_id;
  const std::uint64_t version = record(id).version;
  const auto updated = update_agent(*workspace, id, {AgentStatus::kBlocked, 30, "waiting"});
  ASSERT_TRUE(updated);
  EXPECT_EQ(*updated, version + 1);
  const Agent agent = record(id);
  EXPECT_EQ(agent.version, *updated);
  EXPECT_EQ(agent.status, AgentStatus::kBlocked);
  EXPECT_EQ(agent.progress, 30);
  EXPECT_EQ(agent.message, "waiting");
  ASSERT_TRUE(update_agent(*workspace, id, {{}, {}, "still"}));
  EXPECT_EQ(record(id).status, AgentStatus::kBlocked);
  EXPECT_EQ(record(id).progress, 30);
}

TEST_F(AgentsTest, AnEndedAgentIsNeverChanged) {
  const std::string id = spawn()->agent_id;
  ASSERT_TRUE(update_agent(*workspace, id, {AgentStatus::kCompleted, {}, {}}));
  EXPECT_TRUE(record(id).ended_at);
  EXPECT_EQ(update_agent(*workspace, id, {AgentStatus::kWorking, {}, {}}).error().code,
            Errc::kRefused);
  EXPECT_EQ(add_finding(*workspace, id, {{}, "issue", "high", "late"}).error().code,
            Errc::kRefused);
  EXPECT_EQ(kill_agent(*workspace, id, "").error().code, Errc::kRefused);
  EXPECT_EQ(record(id).status, AgentStatus::kCompleted);
}

TEST_F(AgentsTest, RefusesStatusesOfTheOrchestratorAndWrongInput) {
  const std::string id = spawn()->agent_id;
  for (const AgentStatus status : {AgentStatus::kStarting, AgentStatus::kStopping,
                                   AgentStatus::kFailed, AgentStatus::kTerminated}) {
    EXPECT_EQ(update_agent(*workspace, id, {status, {}, {}}).error().code, Errc::kRefused);
  }
  EXPECT_EQ(update_agent(*workspace, id, {}).error().code, Errc::kInvalid);
  EXPECT_EQ(update_agent(*workspace, id, {{}, 101, {}}).error().code, Errc::kInvalid);
  EXPECT_EQ(update_agent(*workspace, id, {{}, {}, "\xff"}).error().code, Errc::kInvalid);
  EXPECT_EQ(update_agent(*workspace, "nobody", {{}, 1, {}}).error().code, Errc::kNotFound);
}

TEST_F(AgentsTest, KeepsAHundredFindings) {
  const std::string id = spawn()->agent_id;
  const Finding finding{{}, "issue", "high", "broken"};
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(add_finding(*workspace, id, finding));
  EXPECT_EQ(add_finding(*workspace, id, finding).error().code, Errc::kRefused);
  EXPECT_EQ(record(id).findings.size(), 100u);
  EXPECT_EQ(add_finding(*workspace, id, {{}, "issue", "high", std::string(5000, 'x')}).error().code,
            Errc::kInvalid);
}

TEST_F(AgentsTest, KillEndsTheSessionAndFreesTheSlotOnlyThen) {
  const std::string id = spawn()->agent_id;
  ASSERT_TRUE(kill_agent(*workspace, id, "enough"));
  EXPECT_TRUE(host->listing.sessions.empty());
  const Agent agent = record(id);
  EXPECT_EQ(agent.status, AgentStatus::kTerminated);
  EXPECT_EQ(agent.reason, "enough");
  EXPECT_TRUE(agent.ended_at);
  EXPECT_EQ(kill_agent(*workspace, id, "").error().code, Errc::kRefused);
  EXPECT_EQ(kill_agent(*workspace, "nobody", "").error().code, Errc::kNotFound);
}

TEST_F(AgentsTest, AKillThatCannotEndTheSessionKeepsTheSlotAndMayBeRepeated) {
  const std::string id = spawn()->agent_id;
  host->end_error = base::Error{Errc::kUnavailable, 0, "silent"};
  EXPECT_EQ(kill_agent(*workspace, id, "").error().code, Errc::kUnavailable);
  EXPECT_EQ(record(id).status, AgentStatus::kStopping);
  EXPECT_EQ(update_agent(*workspace, id, {AgentStatus::kCompleted, {}, {}}).error().code,
            Errc::kRefused);
  host->end_error.reset();
  ASSERT_TRUE(kill_agent(*workspace, id, ""));
  EXPECT_EQ(record(id).status, AgentStatus::kTerminated);
}

TEST_F(AgentsTest, ASecondKillCompletesOnlyWhatADeadOneLeft) {
  const std::string id = spawn()->agent_id;
  change(id, [](Agent& agent) {
    agent.status = AgentStatus::kStopping;
    agent.owner = base::self_identity();
    agent.deadline = base::wall_now() + std::chrono::hours(1);
  });
  EXPECT_EQ(kill_agent(*workspace, id, "").error().code, Errc::kRefused);
  change(id, [](Agent& agent) { agent.owner = dead_process(); });
  EXPECT_TRUE(kill_agent(*workspace, id, ""));
  EXPECT_EQ(record(id).status, AgentStatus::kTerminated);
}

TEST_F(AgentsTest, AKillOfAStartingAgentClosesItsGateAndEndsWhatCameUp) {
  const std::string id = spawn()->agent_id;
  const Agent agent = record(id);
  change(id, [](Agent& record) {
    record.status = AgentStatus::kStarting;
    record.session.reset();
    record.owner = base::self_identity();
  });
  ASSERT_TRUE(kill_agent(*workspace, id, ""));
  EXPECT_TRUE(host->listing.sessions.empty());
  EXPECT_EQ(record(id).status, AgentStatus::kTerminated);
  EXPECT_EQ(run_gate(*workspace, id, agent.attempt, {"/no/such/agent"}), kGateClosed);
}

TEST_F(AgentsTest, OutputIsTheLogsTailWhereThereIsNoScreen) {
  const std::string id = spawn()->agent_id;
  EXPECT_EQ(agent_output(*workspace, id, 5).error().code, Errc::kNotFound);
  std::ofstream(workspace->log_file(id)) << "one\ntwo\nthree\n";
  EXPECT_EQ(agent_output(*workspace, id, 2).value(), "two\nthree\n");
  EXPECT_EQ(agent_output(*workspace, id, 50).value(), "one\ntwo\nthree\n");
  EXPECT_EQ(agent_output(*workspace, id, 0).error().code, Errc::kInvalid);
  EXPECT_EQ(agent_output(*workspace, "nobody", 5).error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace orc::core_test
