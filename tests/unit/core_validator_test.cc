// What ties agents to their sessions and processes: one without the other, or a start or an end
// that was left half done.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/unit/core_validator_support.h"

namespace orc::core_test {
namespace {

TEST_F(ValidatorTest, Ghost) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  expect_found_and_repaired({FindingKind::kGhost});
  EXPECT_EQ(record(id).status, AgentStatus::kFailed);
  EXPECT_TRUE(record(id).ended_at);
}

TEST_F(ValidatorTest, GhostWithoutAnyServer) {
  drop_session(healthy);
  host->listing.server_running = false;
  const auto report = repair(*workspace);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->server_running);
  EXPECT_EQ(kinds(*report), std::vector{FindingKind::kGhost});
  EXPECT_EQ(record(healthy).status, AgentStatus::kFailed);
}

TEST_F(ValidatorTest, GhostWhoseProcessLivesOnThoughItsServerIsDead) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  tests::ChildProcess child([] {
    ::signal(SIGHUP, SIG_IGN);
    for (;;) ::pause();
    return 0;
  });
  const auto process = *base::identify(child.pid());
  change(id, [&](Agent& agent) {
    agent.session->server = dead_process();
    agent.session->process = process;
  });
  expect_found_and_repaired({FindingKind::kGhost});
  EXPECT_EQ(base::liveness(process), base::Liveness::kDead);
}

TEST_F(ValidatorTest, ReusedPidIsNotKilled) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  tests::ChildProcess bystander([] {
    for (;;) ::pause();
    return 0;
  });
  auto recycled = *base::identify(bystander.pid());
  recycled.start_ticks -= 1;
  change(id, [&](Agent& agent) { agent.session->process = recycled; });
  expect_found_and_repaired({FindingKind::kGhost, FindingKind::kReusedPid});
  EXPECT_EQ(base::liveness(*base::identify(bystander.pid())), base::Liveness::kAlive);
}

TEST_F(ValidatorTest, ARenamedSessionIsStillItsAgents) {
  listed(healthy).identity.name = "mine now";
  const auto before = image_of(root);
  EXPECT_TRUE(repair(*workspace)->findings.empty());
  EXPECT_EQ(image_of(root), before);
  EXPECT_TRUE(host->ended.empty());
}

TEST_F(ValidatorTest, GhostWhoseSessionSomebodySplitIsEndedWithItInOneRepair) {
  const std::string id = spawn()->agent_id;
  tests::ChildProcess other_pane([] {
    for (;;) ::pause();
    return 0;
  });
  listed(id).identity.process = *base::identify(other_pane.pid());
  const auto agent = *record(id).session->process;
  ASSERT_TRUE(base::signal_process(agent, SIGKILL));
  ASSERT_TRUE(base::wait_dead(agent, std::chrono::seconds(30)));
  expect_found_and_repaired({FindingKind::kGhost});
  EXPECT_EQ(record(id).status, AgentStatus::kFailed);
  EXPECT_EQ(host->ended, std::vector<std::string>{session_name(id)});
}

TEST_F(ValidatorTest, GhostWhosePaneIsKeptIsEndedWithItInOneRepair) {
  const std::string id = spawn()->agent_id;
  listed(id).identity.process.reset();
  const auto agent = *record(id).session->process;
  ASSERT_TRUE(base::signal_process(agent, SIGKILL));
  ASSERT_TRUE(base::wait_dead(agent, std::chrono::seconds(30)));
  expect_found_and_repaired({FindingKind::kGhost});
  EXPECT_EQ(host->ended, std::vector<std::string>{session_name(id)});
}

TEST_F(ValidatorTest, WhatIsLeftOfAGhostsSessionIsNotEndedOnceItsMarkIsGone) {
  const std::string id = spawn()->agent_id;
  Session& session = listed(id);
  session.identity.process.reset();
  session.workspace.clear();
  session.attempt.clear();
  const auto report = repair(*workspace);
  EXPECT_EQ(kinds(*report), std::vector{FindingKind::kGhost});
  EXPECT_TRUE(host->ended.empty());
}

TEST_F(ValidatorTest, Orphan) {
  plant_ended("lost", "attempt-of-lost");
  host->add("agent_lost", workspace->config().workspace_id, "attempt-of-lost");
  expect_found_and_repaired({FindingKind::kOrphan});
  EXPECT_EQ(host->ended, std::vector<std::string>{"agent_lost"});
}

// A copy of a workspace, and an older state of one, see the sessions of records they never had.
TEST_F(ValidatorTest, AMarkedSessionOfNoRecordIsReportedOnly) {
  plant_ended("lost", "attempt-of-lost");
  plant_ended("without", "");
  host->add("agent_x", workspace->config().workspace_id, "no-record-has-this");
  expect_only_reported(FindingKind::kOrphan);
  host->listing.sessions.back().attempt.clear();
  expect_only_reported(FindingKind::kOrphan);
  EXPECT_TRUE(host->ended.empty());
}

TEST_F(ValidatorTest, SessionOfAnEndedAgentIsAnOrphan) {
  const std::string id = spawn()->agent_id;
  ASSERT_TRUE(update_agent(*workspace, id, {AgentStatus::kCompleted, {}, {}}));
  expect_found_and_repaired({FindingKind::kOrphan});
  EXPECT_EQ(record(id).status, AgentStatus::kCompleted);
}

TEST_F(ValidatorTest, ForeignSessionsAreNobodysBusiness) {
  host->add("mine", "", "");
  host->add("agent_x", "other-workspace", "attempt");
  EXPECT_TRUE(repair(*workspace)->findings.empty());
  EXPECT_EQ(host->listing.sessions.size(), 3u);
}

TEST_F(ValidatorTest, StaleStartingOfADeadSpawnerIsFenced) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  make_starting(id, dead_process());
  const std::string attempt = record(id).attempt;
  expect_found_and_repaired({FindingKind::kStaleStarting});
  EXPECT_EQ(record(id).status, AgentStatus::kFailed);
  EXPECT_EQ(run_gate(*workspace, id, attempt, {"/no/such/agent"}), kGateClosed);
  EXPECT_FALSE(std::filesystem::exists(workspace->prompt_file(id)));
}

TEST_F(ValidatorTest, StaleStartingOfADeadSpawnerIsAdoptedWhereItsSessionRuns) {
  const std::string id = spawn()->agent_id;
  make_starting(id, dead_process());
  expect_found_and_repaired({FindingKind::kStaleStarting});
  EXPECT_EQ(record(id).status, AgentStatus::kRunning);
  EXPECT_EQ(record(id).session->name, session_name(id));
  EXPECT_TRUE(host->ended.empty());
}

TEST_F(ValidatorTest, ASessionWhosePaneIsDeadIsNotAdopted) {
  const std::string id = spawn()->agent_id;
  make_starting(id, dead_process());
  for (Session& session : host->listing.sessions) {
    if (session.identity.name == session_name(id)) session.identity.process = dead_process();
  }
  expect_found_and_repaired({FindingKind::kStaleStarting});
  EXPECT_EQ(record(id).status, AgentStatus::kFailed);
  EXPECT_EQ(host->ended, std::vector<std::string>{session_name(id)});
}

TEST_F(ValidatorTest, StaleStartingPastItsDeadlineIsFencedThoughItsSpawnerLives) {
  const std::string id = spawn()->agent_id;
  make_starting(id, base::self_identity(), std::chrono::seconds(-1));
  expect_found_and_repaired({FindingKind::kStaleStarting});
  EXPECT_EQ(record(id).status, AgentStatus::kFailed);
  EXPECT_EQ(host->ended, std::vector<std::string>{session_name(id)});
}

TEST_F(ValidatorTest, StartingOfALivingSpawnerIsLeftAlone) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  make_starting(id, base::self_identity());
  EXPECT_TRUE(repair(*workspace)->findings.empty());
  EXPECT_EQ(record(id).status, AgentStatus::kStarting);
}

TEST_F(ValidatorTest, AReportBeforeTheCommitOfAKilledSpawnerIsAdoptedWithIt) {
  const std::string id = spawn()->agent_id;
  make_starting(id, dead_process());
  ASSERT_TRUE(update_agent(*workspace, id, {AgentStatus::kBlocked, 50, "early"}));
  expect_found_and_repaired({FindingKind::kStaleStarting});
  EXPECT_EQ(record(id).status, AgentStatus::kBlocked);
  EXPECT_EQ(record(id).progress, 50);
  EXPECT_TRUE(record(id).session);
}

TEST_F(ValidatorTest, StaleStopping) {
  const std::string id = spawn()->agent_id;
  change(id, [](Agent& agent) {
    agent.status = AgentStatus::kStopping;
    agent.owner = dead_process();
    agent.deadline = base::wall_now() + std::chrono::hours(1);
  });
  expect_found_and_repaired({FindingKind::kStaleStopping});
  EXPECT_EQ(record(id).status, AgentStatus::kTerminated);
  EXPECT_EQ(host->ended, std::vector<std::string>{session_name(id)});
}

// Found by a storm: spawner and killer had both been killed, and the second repair found the
// prompt.
TEST_F(ValidatorTest, StaleStoppingOfAnAgentThatNeverCameUp) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  make_starting(id, dead_process());
  change(id, [](Agent& agent) { agent.status = AgentStatus::kStopping; });
  expect_found_and_repaired({FindingKind::kStaleStopping});
  EXPECT_EQ(record(id).status, AgentStatus::kTerminated);
  EXPECT_FALSE(std::filesystem::exists(workspace->prompt_file(id)));
}

TEST_F(ValidatorTest, AKillOfAnAgentThatNeverCameUpLeavesNothingToRepair) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  make_starting(id, dead_process());
  ASSERT_TRUE(kill_agent(*workspace, id, ""));
  EXPECT_TRUE(validate(*workspace)->findings.empty());
}

TEST_F(ValidatorTest, StoppingOfALivingKillerIsLeftAlone) {
  change(healthy, [](Agent& agent) {
    agent.status = AgentStatus::kStopping;
    agent.owner = base::self_identity();
    agent.deadline = base::wall_now() + std::chrono::hours(1);
  });
  EXPECT_TRUE(repair(*workspace)->findings.empty());
  EXPECT_EQ(record(healthy).status, AgentStatus::kStopping);
}

TEST_F(ValidatorTest, StrayProcess) {
  const std::string id = spawn()->agent_id;
  tests::ChildProcess child([] {
    for (;;) ::pause();
    return 0;
  });
  const auto process = *base::identify(child.pid());
  ASSERT_TRUE(kill_agent(*workspace, id, ""));
  change(id, [&](Agent& agent) { agent.session->process = process; });
  expect_found_and_repaired({FindingKind::kStrayProcess});
  EXPECT_EQ(base::liveness(process), base::Liveness::kDead);
}

TEST_F(ValidatorTest, TheProcessOfAnActiveAgentIsNeverAStray) {
  const std::string id = spawn()->agent_id;
  tests::ChildProcess child([] {
    for (;;) ::pause();
    return 0;
  });
  const auto process = *base::identify(child.pid());
  ASSERT_TRUE(kill_agent(*workspace, id, ""));
  change(id, [&](Agent& agent) { agent.session->process = process; });
  for (Session& session : host->listing.sessions) session.identity.process = process;
  change(healthy, [&](Agent& agent) { agent.session->process = process; });
  EXPECT_TRUE(repair(*workspace)->findings.empty());
  EXPECT_EQ(base::liveness(process), base::Liveness::kAlive);
}

TEST_F(ValidatorTest, DuplicateSession) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  change(id, [&](Agent& agent) { agent.session = record(healthy).session; });
  expect_found_and_repaired({FindingKind::kDuplicateSession});
  EXPECT_EQ(record(id).status, AgentStatus::kFailed);
}

// Goal: one repair of very many is one transaction, not one each.
TEST_F(ValidatorTest, ManyGhostsAreOneTransaction) {
  Agent ghost = record(healthy);
  ghost.session->session_id = "$999";
  ASSERT_TRUE(workspace->store().transact("plant", "", [&](Transaction& tx) -> base::Status {
    for (int i = 0; i < 2000; ++i) {
      Agent agent = ghost;
      agent.id = fmt::format("ghost-{}", i);
      agent.attempt = agent.id;
      tx.put(std::move(agent));
    }
    return {};
  }));
  const auto before = (*workspace->store().read())->generation();
  const auto report = repair(*workspace);
  EXPECT_EQ(report->findings.size(), 2000u);
  EXPECT_EQ((*workspace->store().read())->generation(), before + 1);
  EXPECT_EQ((*workspace->store().read())->counts().agents_active, 1);
}

}  // namespace
}  // namespace orc::core_test
