#include "tests/e2e/orchestrator_cli.h"

#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

namespace e2e {
namespace {

constexpr const char* kSleeper = "exec sleep 1000";

class EachHost : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { orc.init(GetParam()); }
  Orchestrator orc;
};
INSTANTIATE_TEST_SUITE_P(OrchestratorCli, EachHost, testing::Values("tmux", "process"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(EachHost, LivesTheWholeLifeOfAnAgent) {
  Fifo fifo(orc / "fifo");
  const Json reply =
      orc.json({"spawn", "--task", "t", "--type", "coder", "--prompt", "Begin", "--", "sh", "-c",
                "echo \"$SPAWNSTORM_AGENT_ID $SPAWNSTORM_TASK_ID {type}\" >" + fifo.word() +
                    "; exec sleep 1000"});
  const std::string id = reply["agent_id"];
  EXPECT_EQ(fifo.line(), id + " t coder");
  EXPECT_NE(base::read_file(reply["prompt_file"].get<std::string>())->find("Begin"),
            std::string::npos);
  EXPECT_EQ(orc.agent(id)["status"], "running");
  EXPECT_EQ(orc.json({"validate"})["sessions_checked"], 1);
  const Json updated = orc.json({"update", id, "--status", "working", "--progress", "40"});
  EXPECT_EQ(orc.agent(id)["version"], updated["version"]);
  orc.json({"finding", id, "--kind", "issue", "--severity", "high", "It is broken"});
  const Json child = orc.json(
      {"spawn", "--task", "t", "--type", "helper", "--parent", id, "--", "sh", "-c", kSleeper});
  EXPECT_EQ(child["depth"], 2);
  const Json tree = orc.json({"tree"});
  EXPECT_EQ(tree["tasks"][0]["agents"][0]["children"][0]["id"], child["agent_id"]);
  const Json status = orc.json({"task", "status", "t"});
  EXPECT_EQ(status["counts"]["agents_active"], 2);
  EXPECT_EQ(status["agents"][0]["findings"][0]["message"], "It is broken");
  orc.json({"kill", id, "--reason", "enough"});
  EXPECT_EQ(orc.agent(id)["status"], "terminated");
  EXPECT_EQ(orc.json({"list", "--active"})["agents"].size(), 1u);
  EXPECT_EQ(orc.json({"validate"})["findings"].size(), 0u);
}

TEST_P(EachHost, TenAtOnceAreTenRecordsAndTenSessions) {
  std::vector<std::string> ids(10);
  {
    std::vector<std::jthread> threads;
    threads.reserve(ids.size());
    for (std::string& id : ids) threads.emplace_back([&] { id = orc.spawn(kSleeper); });
  }
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 10u);
  const Json list = orc.json({"list", "--active"});
  EXPECT_EQ(list["agents"].size(), 10u);
  EXPECT_EQ(list["counts"]["agents_active"], 10);
  const Json report = orc.json({"validate"});
  EXPECT_EQ(report["findings"].size(), 0u) << report;
  EXPECT_EQ(report["sessions_checked"], 10);
}

TEST_P(EachHost, KillsAnAgentThatIgnoresItsHangUp) {
  Fifo fifo(orc / "fifo");
  const std::string id =
      orc.spawn("trap '' HUP TERM INT; echo up >" + fifo.word() + "; exec sleep 1000");
  EXPECT_EQ(fifo.line(), "up");
  EXPECT_EQ(orc.run({"kill", id}).exit_code, 0);
  EXPECT_EQ(orc.agent(id)["status"], "terminated");
  EXPECT_EQ(orc.json({"validate"})["findings"].size(), 0u);
}

TEST_P(EachHost, ShowsWhatAnAgentPrinted) {
  Fifo fifo(orc / "fifo");
  const std::string id =
      orc.spawn("echo hello; echo from the agent; echo up >" + fifo.word() + "; exec sleep 1000");
  EXPECT_EQ(fifo.line(), "up");
  // The terminal may show the line later than the agent wrote it; the command is repeatable.
  std::string output;
  for (int tries = 0; tries < 200 && output.find("from the agent") == std::string::npos; ++tries) {
    output = orc.run({"output", id, "--lines", "5"}).out;
  }
  EXPECT_NE(output.find("hello"), std::string::npos);
}

TEST_P(EachHost, AnAgentThatDiedIsAGhostUntilRepairedOnce) {
  Fifo up(orc / "up");
  const std::string id = orc.spawn("echo $$ >" + up.word() + "; exec sleep 1000");
  const std::string other = orc.spawn(kSleeper);
  const auto process = base::identify(std::stoi(up.line()));
  ASSERT_TRUE(process);
  ASSERT_TRUE(base::signal_process(*process, SIGKILL));
  ASSERT_TRUE(base::wait_dead(*process, std::chrono::seconds(30)));
  // tmux notices the death of a pane a moment after the kernel does.
  Json report = orc.json({"validate"}, 1);
  for (int tries = 0; tries < 200 && report["findings"][0]["kind"] != "ghost"; ++tries) {
    report = Json::parse(orc.run({"validate", "--json"}).out);
  }
  ASSERT_EQ(report["findings"].size(), 1u) << report;
  EXPECT_EQ(report["findings"][0]["agent_id"], id);
  orc.json({"repair", "--dry-run"}, 1);
  EXPECT_EQ(orc.json({"repair"})["findings"][0]["repaired"], true);
  EXPECT_EQ(orc.agent(id)["status"], "failed");
  EXPECT_EQ(orc.agent(other)["status"], "running");
  EXPECT_EQ(orc.json({"repair"})["findings"].size(), 0u);
}

TEST_P(EachHost, ExitCodesSayWhatHappened) {
  EXPECT_EQ(orc.run({"init"}).exit_code, 3);
  EXPECT_EQ(orc.run({"task", "create", "--id", "t", "again"}).exit_code, 3);
  EXPECT_EQ(orc.run({"spawn", "--task", "none", "--type", "x", "--", "true"}).exit_code, 4);
  EXPECT_EQ(orc.run({"spawn", "--task", "t", "--type", "x"}).exit_code, 254);  // no command
  EXPECT_EQ(orc.run({"spawn", "--task", "t"}).exit_code, 254);
  EXPECT_EQ(orc.run({"kill", "nobody"}).exit_code, 4);
  EXPECT_EQ(orc.run({"list", "--frob"}).exit_code, 254);
  EXPECT_EQ(orc.run({"list", "--", "x"}).exit_code, 254);
  EXPECT_EQ(orc.run({}).exit_code, 254);
  EXPECT_EQ(orc.run({"--help"}).exit_code, 0);
  EXPECT_EQ(orc.run({"spawn", "--help"}).exit_code, 0);
  EXPECT_EQ(orc.json({"update", "nobody", "--progress", "1"}, 4)["error"]["code"], "not-found");
  EXPECT_EQ(orc.json({"list", "--frob"}, 254)["error"]["code"], "usage");
  const std::string id = orc.spawn(kSleeper);
  EXPECT_EQ(orc.run({"update", id, "--status", "completed"}).exit_code, 0);
  EXPECT_EQ(orc.run({"update", id, "--status", "working"}).exit_code, 3);
  EXPECT_EQ(orc.run({"repair"}).exit_code, 0);
  EXPECT_EQ(
      orc.execute({ORCHESTRATOR_PROGRAM, "--workspace", (orc / "none").string(), "list"}).exit_code,
      4);
  std::ofstream(orc / "ws/registry.json") << "{\"checksum\":";
  EXPECT_EQ(orc.run({"list"}).exit_code, 5);
  EXPECT_EQ(orc.run({"validate"}).exit_code, 1);
  EXPECT_EQ(orc.run({"repair"}).exit_code, 0);
  EXPECT_EQ(orc.run({"validate"}).exit_code, 0);
}

TEST_P(EachHost, RestoresABackupAndExportsTheRegistry) {
  const Json before = orc.json({"export"});
  const std::string name = orc.json({"backup", "list"})["backups"].back()["name"];
  const std::string id = orc.spawn(kSleeper);
  orc.json({"kill", id});
  EXPECT_EQ(orc.run({"backup", "restore", "none"}).exit_code, 4);
  EXPECT_GT(orc.json({"backup", "restore", name})["generation"], before["generation"]);
  orc.json({"export", "--output", (orc / "copy.json").string()});
  EXPECT_EQ(Json::parse(*base::read_file(orc / "copy.json")), orc.json({"export"}));
}

TEST(OrchestratorCli, ImportsAWorkspaceOfTheReference) {
  Orchestrator orc;
  orc.init("process");
  std::filesystem::create_directories(orc / "old/TASK-1");
  std::ofstream(orc / "old/TASK-1/AGENT_REGISTRY.json") << R"({"task_id": "TASK-1", "agents": [
    {"id": "a-100000-abcdef", "type": "a", "tmux_session": "agent_a", "parent": "orchestrator",
     "depth": 1, "status": "running"}]})";
  EXPECT_EQ(orc.json({"import", (orc / "old").string()})["agents"], 1);
  EXPECT_EQ(orc.json({"validate"}, 1)["findings"][0]["kind"], "ghost");
}

TEST(OrchestratorCli, ExportsThroughLinksAndDevicesAndKeepsModes) {
  namespace fs = std::filesystem;
  Orchestrator orc;
  orc.init("process");
  const auto export_to = [&](const char* name) {
    return orc.run({"export", "--output", (orc / name).string()}).exit_code;
  };
  const auto mode_of = [&](const char* name) { return fs::status(orc / name).permissions(); };
  const Json document = orc.json({"export"});
  constexpr auto kShared = fs::perms(0644), kOwn = fs::perms(0600);

  EXPECT_EQ(export_to("new.json"), 0);
  EXPECT_EQ(mode_of("new.json"), kOwn);
  std::ofstream(orc / "old.json") << "old";
  fs::permissions(orc / "old.json", kShared);
  fs::create_symlink("old.json", orc / "link.json");
  EXPECT_EQ(export_to("link.json"), 0);
  EXPECT_TRUE(fs::is_symlink(orc / "link.json"));
  EXPECT_EQ(mode_of("old.json"), kShared);
  EXPECT_EQ(Json::parse(*base::read_file(orc / "old.json")), document);
  fs::create_symlink("made.json", orc / "dangling.json");
  EXPECT_EQ(export_to("dangling.json"), 0);
  EXPECT_TRUE(fs::is_symlink(orc / "dangling.json"));
  EXPECT_EQ(Json::parse(*base::read_file(orc / "made.json")), document);
  EXPECT_EQ(mode_of("made.json"), kOwn);
  // A pipe stands for every device: no test is to endanger the machine's.
  Fifo fifo(orc / "fifo");
  EXPECT_EQ(export_to("fifo"), 0);
  EXPECT_TRUE(fs::is_fifo(orc / "fifo"));
  EXPECT_EQ(fifo.line(), "{");
  EXPECT_EQ(export_to("none/copy.json"), 1);
}

TEST(OrchestratorCli, TakesTextsThatLookLikeOptionsAfterTwoDashes) {
  Orchestrator orc;
  orc.init("process");
  const std::string id = orc.spawn(kSleeper);
  orc.json({"finding", id, "--kind", "issue", "--", "-Wall breaks it"});
  orc.json({"finding", "--", id, "--json"});
  const Json findings = orc.agent(id)["findings"];
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0]["message"], "-Wall breaks it");
  EXPECT_EQ(findings[1]["message"], "--json");
  const auto created = orc.run({"task", "create", "--id", "x", "--", "-x"});
  EXPECT_EQ(created.out, "x\n") << created.err;
  EXPECT_EQ(orc.json({"task", "status", "x"})["task"]["description"], "-x");
  EXPECT_EQ(orc.run({"finding", id, "one", "--", "too many"}).exit_code, 254);
  EXPECT_EQ(orc.run({"validate", "--", "x"}).exit_code, 254);
}

TEST(OrchestratorCli, NamesTheCommandThatItDoesNotKnow) {
  Orchestrator orc;
  const auto says = [&](std::vector<std::string> words, const std::string& sentence) {
    const auto outcome = orc.run(std::move(words));
    EXPECT_EQ(outcome.exit_code, 254);
    EXPECT_NE(outcome.err.find(sentence), std::string::npos) << outcome.err;
  };
  says({"spwan", "--task", "x"}, "no such command: spwan;");
  says({"--json", "foo", "--", "x"}, "no such command: foo;");
  says({"task", "frob"}, "no such command: task frob;");
  says({"--frob", "list"}, "--frob");
  EXPECT_EQ(orc.run({"help"}).out, orc.run({"--help"}).out);
  EXPECT_EQ(orc.run({"help"}).exit_code, 0);
  EXPECT_EQ(orc.run({"help", "task", "create"}).out, orc.run({"task", "create", "--help"}).out);
}

TEST(OrchestratorCli, AnErrorAndARowAreOneLine) {
  Orchestrator orc;
  orc.init("process");
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  EXPECT_EQ(lines(orc.run({"kill", "no\nbody"}).err), 1);
  EXPECT_EQ(lines(orc.run({"list", "--a\nb"}).err), 1);
  ASSERT_EQ(orc.run({"task", "create", "--id", "x", "a\tb\rc"}).exit_code, 0);
  const std::string table = orc.run({"task", "list"}).out;
  EXPECT_NE(table.find("a b c"), std::string::npos) << table;
}

TEST(OrchestratorCli, SaysWhenItsOutputIsFull) {
  Orchestrator orc;
  orc.init("process");
  // More than the stream's buffer holds, so that a print fails and not the flush at the end.
  ASSERT_EQ(orc.run({"task", "create", "--id", "x", std::string(20'000, 'x')}).exit_code, 0);
  for (const char* command : {"export", "list"}) {
    const auto outcome = orc.execute({"sh", "-c", "exec \"$0\" --workspace \"$1\" $2 >/dev/full",
                                      ORCHESTRATOR_PROGRAM, (orc / "ws").string(), command});
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_EQ(outcome.err, "orchestrator: cannot write to standard output\n") << command;
  }
}

TEST(OrchestratorCli, TakesListsAsTheyAreGiven) {
  Orchestrator orc;
  orc.init("process", {"--agent-command", "my-agent", "[a,b]", "x"});
  const Json config = Json::parse(*base::read_file(orc / "ws/config.json"));
  EXPECT_EQ(config["agent_command"], Json::array({"my-agent", "[a,b]", "x"}));
  const Json reply = orc.json({"spawn", "--task", "t", "--type", "coder", "--track", "[a,b]",
                               "--track", "c", "--", "sleep", "1000"});
  EXPECT_EQ(orc.agent(reply["agent_id"])["tracked_files"], Json::array({"[a,b]", "c"}));
}

TEST(OrchestratorCli, RefusesWhatItsHelpDoesNotList) {
  Orchestrator orc;
  orc.init("process");
  const std::string id = orc.spawn(kSleeper);
  EXPECT_EQ(orc.run({"finding", id, "--severity", "bogus", "x"}).exit_code, 254);
  EXPECT_EQ(orc.run({"finding", id, "--severity", "critical", "x"}).exit_code, 0);
  const auto missing = orc.run({"spawn", "--task", "t", "--type", "x", "--", "no-such-program"});
  EXPECT_EQ(missing.exit_code, 254);
  EXPECT_EQ(missing.err, "orchestrator: there is no program no-such-program on PATH\n");
  EXPECT_EQ(orc.json({"list"})["agents"].size(), 1u);
}

TEST(OrchestratorCli, SaysThatACompletedInitKeepsTheRegistrysLimits) {
  Orchestrator orc;
  orc.init("process", {"--max-concurrent", "7"});
  std::filesystem::remove(orc / "ws/config.json");
  const auto other = orc.run({"init", "--sessions", "process", "--max-concurrent", "3"});
  EXPECT_EQ(other.exit_code, 0);
  EXPECT_NE(other.err.find("keeps its limits"), std::string::npos) << other.err;
  std::filesystem::remove(orc / "ws/config.json");
  EXPECT_EQ(orc.run({"init", "--sessions", "process", "--max-concurrent", "7"}).err, "");
}

TEST(OrchestratorCli, AnImportOfDamagedFilesOnlyIsDamage) {
  Orchestrator orc;
  orc.init("process");
  std::filesystem::create_directories(orc / "old/TASK-1");
  EXPECT_EQ(orc.run({"import", (orc / "old").string()}).exit_code, 254);
  std::ofstream(orc / "old/TASK-1/AGENT_REGISTRY.json") << "{";
  EXPECT_EQ(orc.run({"import", (orc / "old").string()}).exit_code, 5);
}

TEST(OrchestratorCli, CompletesItsCommandsInBash) {
  Orchestrator orc;
  std::ofstream(orc / "try.sh") << R"sh(eval "$("$1" completion bash)"
complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _orchestrator; echo "${COMPREPLY[*]}"; }
complete_it orchestrator sp
complete_it orchestrator --workspace x task cr
complete_it orchestrator spawn --uni
)sh";
  const auto outcome =
      orc.execute({"bash", "-eu", (orc / "try.sh").string(), ORCHESTRATOR_PROGRAM});
  EXPECT_EQ(outcome.out, "spawn\ncreate\n--unique-type\n") << outcome.err;
}

// The spawner is killed at a known place: a stand-in for tmux tells when the client that makes the
// session is there, and goes on when it is told.
class KilledSpawner : public testing::Test {
 protected:
  void SetUp() override {
    orc.init("tmux");
    bystander = orc.spawn(kSleeper);  // and so the server runs
  }

  /// The status of the agent whose spawner was killed.
  std::string status() const { return orc.json({"list"})["agents"][1]["status"]; }

  /// `before` and `after` stand around the real call that makes an agent's session.
  void stand_in(const std::string& before, const std::string& after) {
    std::ofstream(orc / "bin/tmux")
        << "#!/bin/sh\n"
           "PATH=${PATH#*:}\n"
           "case \" $* \" in *' -s agent_'*) ;; *) exec tmux \"$@\" ;; esac\n"
        << before << "\ntmux \"$@\"\nstatus=$?\n"
        << after << "\nexit $status\n";
    std::filesystem::permissions(orc / "bin/tmux", std::filesystem::perms::owner_all);
  }

  /// Spawns, and kills the spawner once its client says that it is there.
  void spawn_and_kill() {
    std::jthread spawner([&] {
      EXPECT_EQ(orc.run({"spawn", "--task", "t", "--type", "coder", "--", "sh", "-c",
                         "echo born >" + born.word() + "; exec sleep 1000"})
                    .signal,
                SIGKILL);
    });
    ::kill(std::stoi(there.line()), SIGKILL);
  }

  Orchestrator orc;
  std::string bystander;
  Fifo born{orc / "born"};
  Fifo there{orc / "there"};
  Fifo go_on{orc / "go-on"};
  Fifo finished{orc / "finished"};
};

TEST_F(KilledSpawner, ALateSessionNeverRunsAnAgentOnceTheRecordWasGivenUp) {
  // The session's life is the gate's: it ends by itself, with the agent unborn.
  stand_in("echo $PPID >" + there.word() + "; read go <" + go_on.word(),
           "echo done >" + finished.word());
  spawn_and_kill();
  EXPECT_EQ(status(), "starting");
  const Json report = orc.json({"repair"});
  ASSERT_EQ(report["findings"].size(), 1u) << report;
  EXPECT_EQ(report["findings"][0]["kind"], "stale-starting");
  EXPECT_EQ(status(), "failed");
  go_on.tell("go");
  finished.line();
  // Either the gate is already gone with its session, or it is an orphan for a moment.
  orc.run({"repair"});
  EXPECT_EQ(orc.json({"validate"})["findings"].size(), 0u);
  born.tell("nobody");
  EXPECT_EQ(born.line(), "nobody");
  EXPECT_EQ(orc.agent(bystander)["status"], "running");
}

TEST_F(KilledSpawner, ASessionWithoutACommitIsAdopted) {
  stand_in("", "echo $PPID >" + there.word() + "; read go <" + go_on.word());
  spawn_and_kill();
  EXPECT_EQ(born.line(), "born");
  go_on.tell("go");
  const Json report = orc.json({"repair"});
  ASSERT_EQ(report["findings"].size(), 1u) << report;
  EXPECT_EQ(report["findings"][0]["kind"], "stale-starting");
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(orc.json({"validate"})["sessions_checked"], 2);
  EXPECT_EQ(orc.json({"repair"})["findings"].size(), 0u);
}

TEST_F(KilledSpawner, WithoutAnyServerTheGhostsAreStillFound) {
  orc.end_tmux_server();
  const Json report = orc.json({"validate"}, 1);
  EXPECT_EQ(report["server_running"], false);
  EXPECT_EQ(report["findings"][0]["kind"], "ghost");
  EXPECT_EQ(orc.json({"repair"})["findings"][0]["repaired"], true);
  EXPECT_EQ(orc.agent(bystander)["status"], "failed");
  EXPECT_EQ(orc.json({"repair"})["findings"].size(), 0u);
  EXPECT_EQ(orc.agent(orc.spawn(kSleeper))["status"], "running");
}

}  // namespace
}  // namespace e2e
