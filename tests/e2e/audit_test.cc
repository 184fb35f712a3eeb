// Goal: a live installation is judged as it stands, and stays as it stands.
// Method: installations by hand, each with its own tmux server; bytes, modes and times of every
// file are compared before and after.
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "tests/e2e/orchestrator_cli.h"
#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

using Tree = std::map<std::string, std::string>;

Tree tree_of(const fs::path& folder) {
  Tree tree;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status{};
    EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0) << entry.path();
    tree[entry.path().string()] =
        std::to_string(status.st_mode) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
        std::to_string(status.st_mtim.tv_nsec) + " " + std::to_string(status.st_ino) + " " +
        (entry.is_regular_file() ? base::read_file(entry.path()).value_or("?") : "");
  }
  return tree;
}

class Audit : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path workspace() const { return orchestrator_ / "ws"; }
  [[nodiscard]] fs::path latest() const { return orchestrator_ / "r" / "latest"; }

  [[nodiscard]] base::Outcome run(Words more) const {
    more.insert(more.begin(), {STRESS_PROGRAM, "audit"});
    more.insert(more.end(), {"--json", "--out", (orchestrator_ / "r").string()});
    return orchestrator_.execute(std::move(more));
  }

  /// Of the workspace, of which no byte may change.
  Json audit(int exit_code, Words more = {}) const {
    const Tree before = tree_of(workspace());
    more.insert(more.end(), {"--workspace", workspace().string()});
    const base::Outcome outcome = run(more);
    EXPECT_EQ(tree_of(workspace()), before);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.out << outcome.err;
    Json report = Json::parse(outcome.out, nullptr, false);
    EXPECT_TRUE(report.is_object()) << outcome.out << outcome.err;
    return report;
  }

  void kill_session_of(const std::string& agent) const {
    const std::string session = "=agent_" + agent;
    expect_to_end(orchestrator_.tmux({"list-panes", "-t", session + ":", "-F", "#{pane_pid}"}),
                  [&] { return orchestrator_.tmux({"kill-session", "-t", session}); });
  }
  void damage() const { fs::resize_file(workspace() / "registry.json", 100); }

  Orchestrator orchestrator_;
};

using Ids = std::set<std::string>;

TEST_F(Audit, OfAHealthyWorkspacePassesAndChangesNoByte) {
  orchestrator_.init("tmux", {"--max-concurrent", "3"});
  orchestrator_.spawn("exec sleep 1000");
  orchestrator_.spawn("exec sleep 1000");
  const Json report = audit(0);
  EXPECT_EQ(report["engine"], "audit");
  EXPECT_EQ(invariants(report, "pass"),
            (Ids{"registry-readable", "unique-ids", "counts-match", "limits-hold",
                 "hierarchy-sound", "no-ghosts", "no-orphans"}));
  EXPECT_EQ(invariants(report, "not-applicable").size(), 8u);
  // The stored history is judged as the audit was.
  EXPECT_EQ(execute({STRESS_PROGRAM, "check", latest().string()}).exit_code, 0);
}

TEST_F(Audit, OfAnEmptyWorkspaceWithoutATmuxServerPassesAndStartsNone) {
  orchestrator_.init("tmux");
  const Json report = audit(0);
  EXPECT_THAT(report["notes"].dump(), HasSubstr("no server runs there"));
  EXPECT_NE(orchestrator_.tmux({"-N", "list-sessions"}).exit_code, 0);
}

TEST_F(Audit, FindsTheGhostsThatALostServerLeaves) {
  orchestrator_.init("tmux");
  orchestrator_.spawn("exec sleep 1000");
  orchestrator_.end_tmux_server();
  EXPECT_EQ(invariants(audit(1), "fail"), Ids{"no-ghosts"});
  EXPECT_NE(orchestrator_.tmux({"-N", "list-sessions"}).exit_code, 0);
}

TEST_F(Audit, FailsForNewViolationsAndNotForKnownOnes) {
  orchestrator_.init("tmux");
  const std::string one = orchestrator_.spawn("exec sleep 1000");
  const std::string other = orchestrator_.spawn("exec sleep 1000");
  kill_session_of(one);
  const Json found = audit(1);
  EXPECT_EQ(invariants(found, "fail"), Ids{"no-ghosts"});
  EXPECT_THAT(found.dump(), HasSubstr("Agent " + one + " is"));
  const std::string baseline = fs::canonical(latest()).string();

  kill_session_of(other);  // the same violation, of another agent
  const Json known = audit(0, {"--baseline", baseline});
  EXPECT_EQ(known["verdict"], "pass");
  EXPECT_EQ(invariants(known, "known"), Ids{"no-ghosts"});
  EXPECT_THAT(known["notes"].dump(), HasSubstr("2 known violations, nothing new"));

  damage();
  const Json fresh = audit(1, {"--baseline", baseline});
  EXPECT_EQ(invariants(fresh, "fail"), Ids{"registry-readable"});
  EXPECT_THAT(fresh["notes"].dump(),
              HasSubstr("known, but not seen this time: no-ghosts: Agent *"));
}

TEST_F(Audit, OfADamagedRegistrySaysSoAndRepairsNothing) {
  orchestrator_.init("tmux");
  damage();
  EXPECT_EQ(invariants(audit(1), "fail"), Ids{"registry-readable"});
}

TEST_F(Audit, FindsAgentsThatAreProcesses) {
  orchestrator_.init("process");
  const std::string id = orchestrator_.spawn("exec sleep 1000");
  EXPECT_THAT(invariants(audit(0), "pass"), IsSupersetOf({"no-ghosts", "no-orphans"}));
  const auto pid = orchestrator_.agent(id)["session"]["process"]["pid"].get<pid_t>();
  const auto agent = base::identify(pid);
  ASSERT_TRUE(agent);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(base::wait_dead(*agent, std::chrono::minutes(1)));
  EXPECT_EQ(invariants(audit(1), "fail"), Ids{"no-ghosts"});
}

/// A small orchestrator in Python that knows nothing of this project, on its user's own tmux.
class AuditByFile : public Audit {
 protected:
  AuditByFile() {
    const fs::path begun = orchestrator_ / "begun";
    EXPECT_EQ(::mkfifo(begun.c_str(), 0600), 0);
    std::ofstream(orchestrator_ / "bin" / "claude")
        << "#!/bin/sh\necho begun > " << begun << "\nexec sleep 1000\n";
    fs::permissions(orchestrator_ / "bin" / "claude", fs::perms::owner_all);
    EXPECT_EQ(call({"init", workspace().string(), "--history=3"}).exit_code, 0);
    const base::Outcome spawned = call({"spawn", workspace().string(), "TASK-A", "coder"});
    EXPECT_EQ(spawned.exit_code, 0) << spawned.err;
    session_ = Json::parse(spawned.out, nullptr, false).value("tmux_session", "");
    // Until the agent has begun, its gate may find a registry that a test has half written.
    if (spawned.exit_code == 0) {
      EXPECT_EQ(base::read_file(begun).value_or(""), "begun\n");
    }
  }
  ~AuditByFile() override { orchestrator_.execute({"tmux", "kill-server"}); }

  [[nodiscard]] base::Outcome call(Words arguments) const {
    arguments.insert(arguments.begin(), {"/usr/bin/python3", "-B", kFolder + "orchestrator.py"});
    return orchestrator_.execute(std::move(arguments));
  }
  [[nodiscard]] Json audit(int exit_code) const {
    return Audit::audit(exit_code, {"--target", kFolder + "orchestrator.json"});
  }
  void end_session() const {
    const std::string session = "=" + session_;
    expect_to_end(
        orchestrator_.execute({"tmux", "list-panes", "-t", session + ":", "-F", "#{pane_pid}"}),
        [&] { return orchestrator_.execute({"tmux", "kill-session", "-t", session}); });
  }

  const std::string kFolder = SPAWNSTORM_SOURCE_DIR "/scenarios/specimens/python/";
  std::string session_;
};

TEST_F(AuditByFile, LooksAtTheCallersTmux) {
  EXPECT_THAT(invariants(audit(0), "pass"),
              IsSupersetOf({"registry-readable", "unique-ids", "counts-match", "limits-hold",
                            "hierarchy-sound", "no-ghosts", "no-orphans"}));
  end_session();
  EXPECT_EQ(invariants(audit(1), "fail"), Ids{"no-ghosts"});
}

TEST_F(AuditByFile, TakesAnAgentThatIsBeingStartedForNoGhost) {
  const fs::path file = workspace() / "registry.json";
  Json registry = read_json(file);
  registry["agents"][0]["status"] = "starting";
  registry["agents"][0]["pid"] = nullptr;
  std::ofstream(file) << registry;
  EXPECT_THAT(audit(0)["notes"].dump(), HasSubstr("in motion: 1 agent starting"));
  end_session();  // its session has not come yet, or has come and gone
  EXPECT_THAT(audit(0)["notes"].dump(), HasSubstr("in motion: 1 agent starting"));
}

TEST_F(Audit, RunsACommandOfTheTargetsOnlyWhenTold) {
  fs::create_directory(workspace());
  std::ofstream(workspace() / "r.json") << R"({"agents": [{"id": "a", "status": "running"}]})";
  const std::string target = (orchestrator_ / "t.json").string();
  std::ofstream(target) << R"({
    "name": "cat", "spawn": {"argv": ["true"], "id": "stdout"}, "sessions": {"kind": "none"},
    "observe": {"argv": ["cat", "{workspace}/r.json"], "read": "atomic", "agents": "/agents",
                "id": "/id", "status": "/status", "active": ["running"]}})";
  const base::Outcome refused = run({"--target", target, "--workspace", workspace().string()});
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_THAT(refused.err, HasSubstr("might change something; --allow-commands runs it"));
  EXPECT_EQ(invariants(audit(0, {"--target", target, "--allow-commands"}), "pass"),
            (Ids{"registry-readable", "unique-ids"}));
}

// Half of a write in progress is no damage, where the target does not say that it may be read.
TEST_F(Audit, OfARegistryThatNeverStandsStillIsUnknown) {
  fs::create_directory(workspace());
  const std::string target = (orchestrator_ / "t.json").string();
  std::ofstream(target) << R"({
    "name": "torn", "spawn": {"argv": ["true"], "id": "stdout"}, "sessions": {"kind": "none"},
    "observe": {"argv": ["sh", "-c", "echo '{\"agents\": ['; date +%N"], "agents": "/agents",
                "id": "/id", "status": "/status", "active": ["running"]}})";
  const Json report = audit(2, {"--target", target, "--allow-commands"});
  EXPECT_EQ(invariants(report, "fail"), Ids{});
  EXPECT_THAT(report.dump(), HasSubstr("the registry changed between two reads"));
}

TEST_F(Audit, SaysInOneSentenceWhatCannotBeDone) {
  orchestrator_.init("tmux");
  const std::string here = workspace().string();
  const auto refuses = [&](const Words& words, const char* sentence) {
    const base::Outcome outcome = run(words);
    EXPECT_EQ(outcome.exit_code, kUsage) << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr(sentence));
  };
  refuses({"--workspace", (orchestrator_ / "none").string()}, "there is no such folder");
  refuses({"--workspace", (orchestrator_ / "bin").string()}, "is no workspace");
  const base::Outcome inside = orchestrator_.execute(
      {STRESS_PROGRAM, "audit", "--workspace", here, "--out", here + "/results"});
  EXPECT_EQ(inside.exit_code, kUsage);
  EXPECT_THAT(inside.err, HasSubstr("within the workspace"));
  EXPECT_FALSE(fs::exists(here + "/results"));

  refuses({"--workspace", here, "--baseline", "nowhere"}, "the baseline nowhere is not there");
  refuses({"--workspace", here, "--baseline", here}, "has no report.json in it");
  refuses({"--workspace", here, "--baseline", here + "/registry.json"}, "the report is missing");
  audit(0);
  Json report = read_json(latest() / "report.json");
  const std::string stored = (orchestrator_ / "stored.json").string();
  report["target"] = "another";
  std::ofstream(stored) << report;
  refuses({"--workspace", here, "--baseline", stored}, "is on the target another, not on builtin");
  report["version"] = "0.0.1";
  std::ofstream(stored) << report;
  refuses({"--workspace", here, "--baseline", stored}, "was made by version 0.0.1");
}

}  // namespace
}  // namespace e2e
