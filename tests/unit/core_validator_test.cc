#include <sys/stat.h>

#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/registry/checksum.h"
#include "tests/unit/core_support.h"

// Each test plants one thing that is wrong. The control without it is in SetUp: a workspace with a
// healthy agent, in which nothing is found; that agent must come out of every repair untouched.

namespace orc::core_test {
namespace {

using base::Errc;

/// Name, mode, size, times and bytes of everything below a folder.
std::map<std::string, std::string> image_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> image;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat info{};
    ::stat(entry.path().c_str(), &info);
    image[entry.path().string()] = fmt::format(
        "{} {} {} {}.{} {}.{} {}", info.st_ino, info.st_mode, info.st_size, info.st_mtim.tv_sec,
        info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec,
        entry.is_regular_file() ? *base::read_file(entry.path()) : "");
  }
  return image;
}

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

class ValidatorTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    healthy = spawn("healthy")->agent_id;
    const auto report = validate(*workspace);
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_TRUE(report->findings.empty()) << report->findings[0].message;
    EXPECT_EQ(report->agents_checked, 1);
    EXPECT_EQ(report->sessions_checked, 1);
    healthy_record = to_json(record(healthy));
  }

  std::vector<FindingKind> kinds(const ValidatorReport& report) {
    std::vector<FindingKind> out;
    out.reserve(report.findings.size());
    for (const auto& finding : report.findings) out.push_back(finding.kind);
    return out;
  }

  /// validate and a dry run see it and change not one byte; repair puts it right; a second repair
  /// finds nothing and changes not one byte either; nothing healthy was touched.
  void expect_found_and_repaired(const std::vector<FindingKind>& expected) {
    const auto before = image_of(root);
    const auto seen = validate(*workspace);
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(kinds(*seen), expected)
        << (seen->findings.empty() ? "nothing" : seen->findings[0].message);
    const auto dry = repair(*workspace, true);
    EXPECT_EQ(kinds(*dry), expected);
    for (const auto& finding : dry->findings) EXPECT_FALSE(finding.repaired);
    EXPECT_EQ(image_of(root), before);

    const auto repaired = repair(*workspace);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_EQ(kinds(*repaired), expected);
    for (const auto& finding : repaired->findings) {
      EXPECT_TRUE(finding.repaired) << finding.message;
    }
    const auto after = image_of(root);
    const auto again = repair(*workspace);
    EXPECT_TRUE(again->findings.empty()) << again->findings[0].message;
    EXPECT_EQ(image_of(root), after);
    EXPECT_EQ(to_json(record(healthy)), healthy_record);
    EXPECT_TRUE(std::ranges::any_of(host->listing.sessions, [&](const Session& session) {
      return session.identity.name == session_name(healthy);
    }));
  }

  /// Reported by validate and repair alike, and left alone.
  void expect_only_reported(FindingKind kind) {
    const auto before = image_of(root);
    for (int i = 0; i < 2; ++i) {
      const auto report = repair(*workspace);
      ASSERT_TRUE(report);
      ASSERT_EQ(kinds(*report), std::vector{kind});
      EXPECT_FALSE(report->findings[0].repaired);
    }
    EXPECT_EQ(image_of(root), before);
  }

  /// Edits the registry's text behind the store's back, and makes the checksum hold again.
  void edit_registry(const std::function<void(std::string&)>& edit) {
    std::string text = *base::read_file(root / "registry.json");
    text = "{" + text.substr(text.find(',') + 1);  // the checksum is the first member
    edit(text);
    std::string compact = text;
    std::erase(compact, '\n');
    Checksum checksum;
    checksum.update(compact);
    std::filesystem::remove(root / "registry.json");
    std::ofstream(root / "registry.json")
        << fmt::format("{{\"checksum\":\"{}\",{}", checksum.hex(), text.substr(1));
  }

  /// Edits the line of one record only.
  void edit_record(const std::string& id, const std::function<void(std::string&)>& edit) {
    edit_registry([&](std::string& text) {
      const std::size_t begin = text.find(fmt::format("\n\"{}\":", id)) + 1;
      const std::size_t size = text.find('\n', begin) - begin;
      std::string line = text.substr(begin, size);
      edit(line);
      text.replace(begin, size, line);
    });
  }

  static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    EXPECT_NE(text.find(what), std::string::npos) << text;
    return text.replace(text.find(what), what.size(), by);
  }

  /// One repair puts right what can be; the next ones report the rest and change not one byte.
  void expect_left_after_one_repair(const std::vector<FindingKind>& left) {
    ASSERT_TRUE(repair(*workspace));
    const auto before = image_of(root);
    for (int i = 0; i < 2; ++i) {
      const auto report = repair(*workspace);
      ASSERT_TRUE(report);
      EXPECT_EQ(kinds(*report), left);
      for (const auto& finding : report->findings) {
        EXPECT_FALSE(finding.repaired) << finding.message;
      }
    }
    EXPECT_EQ(image_of(root), before);
  }

  /// A record of an agent that has ended and has no session.
  void plant_ended(const std::string& id, const std::string& attempt) {
    Agent agent = record(healthy);
    agent.id = id;
    agent.attempt = attempt;
    agent.status = AgentStatus::kFailed;
    agent.ended_at = base::wall_now();
    agent.session.reset();
    plant(agent);
  }

  /// As import makes it: of its session only the name is known.
  void plant_imported() {
    Agent agent;
    agent.id = "imported";
    agent.task_id = "t";
    agent.type = "imported";
    agent.status = AgentStatus::kRunning;
    agent.session = SessionIdentity{"tmux", "agent_imported", "", {}, {}};
    plant(agent);
  }

  Session& listed(const std::string& id) {
    return *std::ranges::find(host->listing.sessions, record(id).attempt, &Session::attempt);
  }

  void drop_session(const std::string& id) {
    host->drop([&](const Session& session) { return session.identity.name == session_name(id); });
  }

  void make_starting(const std::string& id, const base::ProcessIdentity& owner,
                     std::chrono::seconds until_deadline = std::chrono::hours(1)) {
    change(id, [&](Agent& agent) {
      agent.status = AgentStatus::kStarting;
      agent.session.reset();
      agent.started_at.reset();
      agent.owner = owner;
      agent.deadline = base::wall_now() + until_deadline;
    });
  }

  std::string healthy;
  Json healthy_record;
};

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

TEST_F(ValidatorTest, TheSessionOfAnIllegibleRecordIsLeftAlone) {
  const std::string id = spawn()->agent_id;
  const auto process = *record(id).session->process;
  edit_record(id,
              [](std::string& line) { line = replaced(line, "\"depth\":1", "\"depth\":\"?\""); });
  expect_left_after_one_repair({FindingKind::kUnknown, FindingKind::kDamagedFile});
  EXPECT_TRUE(host->ended.empty());
  EXPECT_EQ(base::liveness(process), base::Liveness::kAlive);
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

TEST_F(ValidatorTest, CountMismatch) {
  edit_registry([](std::string& text) {
    const std::string honest = "\"agents_active\":1";
    text.replace(text.find(honest), honest.size(), "\"agents_active\":7");
  });
  ASSERT_EQ((*workspace->store().read())->stored_counts().agents_active, 7);
  expect_found_and_repaired({FindingKind::kCountMismatch});
  EXPECT_EQ((*workspace->store().read())->stored_counts().agents_active, 1);
}

TEST_F(ValidatorTest, DuplicateIdIsReportedOnly) {
  ASSERT_TRUE(kill_agent(*workspace, healthy, ""));
  edit_registry([&](std::string& text) {
    const std::size_t begin = text.find("\n\"" + healthy) + 1;
    const std::string line = text.substr(begin, text.find('\n', begin) - begin);
    text.insert(begin, line + ",\n");
  });
  const auto report = repair(*workspace);
  ASSERT_TRUE(report) << report.error().message;
  const auto found =
      std::ranges::find(report->findings, FindingKind::kDuplicateId, &ValidatorFinding::kind);
  ASSERT_NE(found, report->findings.end());
  EXPECT_EQ(found->agent_id, healthy);
  EXPECT_FALSE(found->repaired);
}

TEST_F(ValidatorTest, TheLaterOfTwoRecordsWithOneIdIsNeverRepaired) {
  ASSERT_TRUE(kill_agent(*workspace, healthy, ""));
  edit_record(healthy, [](std::string& line) {
    const std::string first = line.ends_with(',') ? line : line + ",";
    line = first + "\n" + replaced(line, "\"status\":\"terminated\"", "\"status\":\"running\"");
  });
  expect_left_after_one_repair({FindingKind::kDuplicateId});
}

TEST_F(ValidatorTest, TheSessionOfOneOfTwoRecordsWithOneIdIsLeftAlone) {
  const std::string id = spawn()->agent_id;
  const auto process = *record(id).session->process;
  edit_record(id, [](std::string& line) {
    std::string ended = replaced(line, "\"status\":\"running\"", "\"status\":\"completed\"");
    if (!ended.ends_with(',')) ended += ',';
    line = ended + "\n" + line;
  });
  expect_left_after_one_repair({FindingKind::kUnknown, FindingKind::kDuplicateId});
  EXPECT_TRUE(host->ended.empty());
  // Nor is its process a stray where no session is listed.
  std::erase_if(host->listing.sessions,
                [&](const Session& session) { return session.identity.process == process; });
  expect_left_after_one_repair({FindingKind::kDuplicateId});
  EXPECT_EQ(base::liveness(process), base::Liveness::kAlive);
}

TEST_F(ValidatorTest, DuplicateTaskIsReportedOnly) {
  edit_record("t", [](std::string& line) {
    const std::string first = line.ends_with(',') ? line : line + ",";
    line = first + "\n" + line;
  });
  expect_left_after_one_repair({FindingKind::kDuplicateId});
}

TEST_F(ValidatorTest, AnIllegibleTaskIsReportedOnly) {
  edit_record("t", [](std::string& line) {
    const std::size_t begin = line.find("\"limits\":{");
    ASSERT_NE(begin, std::string::npos) << line;
    line.replace(begin, line.find('}', begin) + 1 - begin, "\"limits\":\"none\"");
  });
  ASSERT_EQ((*workspace->store().read())->task("t")->status, kUnreadableTask);
  expect_only_reported(FindingKind::kDamagedFile);
  // Its counts are counted again all the same, and only once.
  edit_record("t", [](std::string& line) {
    line = replaced(line, "\"agents_active\":1", "\"agents_active\":7");
  });
  EXPECT_EQ(kinds(*validate(*workspace)),
            (std::vector{FindingKind::kCountMismatch, FindingKind::kDamagedFile}));
  expect_left_after_one_repair({FindingKind::kDamagedFile});
}

TEST_F(ValidatorTest, ATaskWithoutRoomForCountsIsReportedOnly) {
  edit_record("t", [](std::string& line) {
    const bool more = line.ends_with(',');
    line = std::string("\"t\":{\"status\":\"active\",?}") + (more ? "," : "");
  });
  expect_only_reported(FindingKind::kDamagedFile);
}

TEST_F(ValidatorTest, BrokenHierarchyIsReportedOnly) {
  change(healthy, [](Agent& agent) { agent.depth = 3; });
  expect_only_reported(FindingKind::kBrokenHierarchy);
  change(healthy, [](Agent& agent) { agent.parent = "nobody"; });
  expect_only_reported(FindingKind::kBrokenHierarchy);
  change(healthy, [&](Agent& agent) { agent.parent = healthy; });
  expect_only_reported(FindingKind::kBrokenHierarchy);
}

TEST_F(ValidatorTest, LeftoverFiles) {
  std::ofstream(root / "registry.json.tmp-abcdefghijklm") << "{";
  std::ofstream(workspace->prompt_file(new_agent_id("coder", base::wall_now()))) << "x";
  expect_found_and_repaired({FindingKind::kLeftoverFile, FindingKind::kLeftoverFile});
}

TEST_F(ValidatorTest, WhatSomebodyKeepsAmongThePromptsIsTheirs) {
  for (const char* name :
       {"base", "coder", "never-recorded", "coder-100000-aaaaaa", "-20250101T100000-aaaaaaaaaaaaa",
        "coder-20250101T100000-aaaaaaaaaaaa1", "coder-20250101-100000-aaaaaaaaaaaaa",
        "coder-20250101T100000-aaaaaaaaaaaaa-mine", "my coder-20250101T100000-aaaaaaaaaaaaa"}) {
    std::ofstream(workspace->prompt_file(name)) << "x";
  }
  const auto before = image_of(root);
  const auto report = repair(*workspace);
  EXPECT_TRUE(report->findings.empty()) << report->findings[0].message;
  EXPECT_EQ(image_of(root), before);
}

TEST_F(ValidatorTest, PromptOfAnAgentThatNeverCameUpIsLeftover) {
  const std::string id = spawn()->agent_id;
  drop_session(id);
  change(id, [](Agent& agent) {
    agent.status = AgentStatus::kFailed;
    agent.started_at.reset();
  });
  expect_found_and_repaired({FindingKind::kLeftoverFile});
}

TEST_F(ValidatorTest, DamagedRegistry) {
  const std::string text = *base::read_file(root / "registry.json");
  // A new file: the present one is also its own backup, by a hard link.
  std::filesystem::remove(root / "registry.json");
  std::ofstream(root / "registry.json") << text.substr(0, text.size() / 2);
  expect_found_and_repaired({FindingKind::kDamagedFile});
}

TEST_F(ValidatorTest, VanishedRegistry) {
  std::filesystem::remove(root / "registry.json");
  expect_found_and_repaired({FindingKind::kDamagedFile});
}

TEST_F(ValidatorTest, DamageWithoutABackupIsReportedAndLeft) {
  std::filesystem::remove_all(root / "backups");
  std::ofstream(root / "registry.json") << "{";
  const auto report = repair(*workspace);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(kinds(*report), std::vector{FindingKind::kDamagedFile});
  EXPECT_FALSE(report->findings[0].repaired);
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
