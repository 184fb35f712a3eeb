#include "orchestrator/base/file_io.h"
#include "orchestrator/core/import.h"
#include "tests/unit/core_support.h"

namespace orc::core_test {
namespace {

using base::Errc;

/// Two tasks, one of them damaged as wished; the agent ids clash between the tasks.
class ImportTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    // Where the source's sessions would be: never on a server of whoever runs this.
    setenv("TMUX_TMPDIR", folder.path().c_str(), 1);
    unsetenv("TMUX");
    source = folder / ".agent-workspace";
    write("registry/GLOBAL_REGISTRY.json", R"({
      "created_at": "2025-01-01T10:00:00.123456", "total_tasks": 2, "active_tasks": 2,
      "total_agents_spawned": 9, "active_agents": 2, "max_concurrent_agents": 20,
      "tasks": {"TASK-1": {"status": "INITIALIZED"}, "TASK-2": {}},
      "agents": {
        "coder-100000-aaaaaa": {"task_id": "TASK-1", "type": "coder", "parent": "orchestrator",
          "tmux_session": "agent_coder-100000-aaaaaa", "status": "completed"},
        "lost-100000-cccccc": {"task_id": "TASK-1", "type": "lost", "parent": "orchestrator",
          "tmux_session": "agent_lost-100000-cccccc", "status": "running",
          "started_at": "2025-01-01T10:00:02"}}})");
    write("TASK-1/AGENT_REGISTRY.json", R"({
      "task_id": "TASK-1", "task_description": "First", "created_at": "2025-01-01T10:00:00",
      "workspace": "/old/place", "status": "INITIALIZED", "priority": "high",
      "agents": [
        {"id": "coder-100000-aaaaaa", "type": "coder", "parent": "orchestrator", "depth": 1,
         "tmux_session": "agent_coder-100000-aaaaaa", "status": "running", "progress": 40,
         "started_at": "2025-01-01T10:00:01", "last_update": "2025-01-01T10:05:00",
         "prompt": "Write it", "tracked_files": ["a.py"], "model": "big"},
        {"id": "helper-100000-bbbbbb", "type": "helper", "parent": "coder-100000-aaaaaa",
         "depth": 2, "tmux_session": "agent_helper-100000-bbbbbb", "status": "completed"}],
      "agent_hierarchy": {"orchestrator": ["coder-100000-aaaaaa"], "x": ["unheard-of"]},
      "max_agents": 45, "max_depth": 5, "max_concurrent": 20, "total_spawned": 2,
      "active_count": 4, "completed_count": 1,
      "orchestration_guidance": {"style": "terse"}, "spiral_checks": {"enabled": true}})");
    write("TASK-2/AGENT_REGISTRY.json", R"({
      "task_id": "TASK-2", "task_description": "Second", "status": "completed",
      "agents": [{"id": "coder-100000-aaaaaa", "type": "coder", "parent": "orchestrator",
                  "depth": 1, "tmux_session": "agent_two", "status": "error"},
                 {"id": "child-100000-dddddd", "type": "child", "parent": "coder-100000-aaaaaa",
                  "depth": 2, "tmux_session": "agent_child", "status": "terminated"}]})");
  }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((source / name).parent_path());
    std::ofstream(source / name) << text;
  }

  static bool mentions(const std::vector<std::string>& lines, const std::string& a,
                       const std::string& b = "") {
    return std::ranges::any_of(lines, [&](const std::string& line) {
      return line.find(a) != std::string::npos && line.find(b) != std::string::npos;
    });
  }

  std::filesystem::path source;
};

TEST_F(ImportTest, BringsEverythingInWithUnknownFieldsKept) {
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->tasks, 2);
  EXPECT_EQ(report->agents, 5);
  EXPECT_TRUE(report->skipped.empty());

  const Agent coder = record("coder-100000-aaaaaa");
  EXPECT_EQ(coder.task_id, "TASK-1");
  EXPECT_EQ(coder.status, AgentStatus::kRunning);
  EXPECT_EQ(coder.progress, 40);
  EXPECT_EQ(coder.tracked_files, std::vector<std::string>{"a.py"});
  EXPECT_EQ(coder.session->name, "agent_coder-100000-aaaaaa");
  EXPECT_FALSE(coder.session->server);
  EXPECT_EQ(to_json(coder)["model"], "big");
  EXPECT_EQ(base::to_iso8601(coder.created_at), "2025-01-01T10:00:01.000000Z");

  const auto state = workspace->store().read();
  const Task* task = (*state)->task("TASK-1");
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->description, "First");
  EXPECT_EQ(task->priority, "high");
  EXPECT_EQ(task->limits, (Limits{20, 45, 5}));
  EXPECT_EQ(task->guidance["style"], "terse");
  EXPECT_EQ(to_json(*task)["spiral_checks"]["enabled"], true);
  EXPECT_EQ((*state)->task("TASK-2")->status, "completed");
}

TEST_F(ImportTest, ReportsWhatDisagrees) {
  const auto report = import_workspace(*workspace, source);
  const auto& lines = report->disagreements;
  EXPECT_TRUE(mentions(lines, "total_agents_spawned is 9"));
  EXPECT_TRUE(mentions(lines, "active_agents is 2"));
  EXPECT_TRUE(mentions(lines, "TASK-1", "active_count is 4"));
  EXPECT_TRUE(mentions(lines, "coder-100000-aaaaaa", "status"));
  EXPECT_TRUE(mentions(lines, "helper-100000-bbbbbb", "not in the global registry"));
  EXPECT_TRUE(mentions(lines, "lost-100000-cccccc", "global registry only"));
  EXPECT_TRUE(mentions(lines, "unheard-of"));
  EXPECT_FALSE(mentions(lines, "total_tasks"));
}

TEST_F(ImportTest, RenamesIdsThatClashAndTheirChildrensParents) {
  const auto report = import_workspace(*workspace, source);
  EXPECT_EQ(report->renamed.size(), 1u);
  EXPECT_EQ(record("coder-100000-aaaaaa-2").task_id, "TASK-2");
  EXPECT_EQ(record("child-100000-dddddd").parent, "coder-100000-aaaaaa-2");
  EXPECT_EQ(record("helper-100000-bbbbbb").parent, "coder-100000-aaaaaa");
}

TEST_F(ImportTest, ASecondImportChangesNothing) {
  ASSERT_TRUE(import_workspace(*workspace, source));
  const std::string before = *base::read_file(root / "registry.json");
  const auto again = import_workspace(*workspace, source);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->agents, 0);
  EXPECT_EQ(again->tasks, 0);
  EXPECT_TRUE(again->renamed.empty());
  EXPECT_EQ(*base::read_file(root / "registry.json"), before);
}

TEST_F(ImportTest, ValidateFindsTheGhostsOfTheSource) {
  ASSERT_TRUE(import_workspace(*workspace, source));
  for (const bool server : {false, true}) {
    host->listing.server_running = server;
    const auto report = validate(*workspace);
    std::vector<std::string> ghosts;
    for (const auto& finding : report->findings) {
      EXPECT_EQ(finding.kind, FindingKind::kGhost) << finding.message;
      ghosts.push_back(finding.agent_id);
    }
    std::ranges::sort(ghosts);
    EXPECT_EQ(ghosts, (std::vector<std::string>{"coder-100000-aaaaaa", "lost-100000-cccccc"}));
  }
  // Control: an agent whose session is there is none, and its session is not ours to end.
  host->add("agent_coder-100000-aaaaaa", "", "");
  EXPECT_EQ(validate(*workspace)->findings.size(), 1u);
  EXPECT_EQ(kill_agent(*workspace, "coder-100000-aaaaaa", "").error().code, Errc::kUnavailable);
  EXPECT_EQ(host->listing.sessions.size(), 1u);
}

TEST_F(ImportTest, RepairsTheGhostsOfTheSource) {
  ASSERT_TRUE(import_workspace(*workspace, source));
  ASSERT_TRUE(repair(*workspace));
  EXPECT_EQ(record("coder-100000-aaaaaa").status, AgentStatus::kFailed);
  EXPECT_TRUE(validate(*workspace)->findings.empty());
}

TEST_F(ImportTest, SkipsADamagedFileAndImportsTheOthers) {
  write("TASK-1/AGENT_REGISTRY.json", "{\"task_id\": \"TASK-1\", \"agents\": [{\"id\"");
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(mentions(report->skipped, "TASK-1/AGENT_REGISTRY.json"));
  EXPECT_EQ(record("coder-100000-aaaaaa").task_id, "TASK-2");
  EXPECT_EQ(record("coder-100000-aaaaaa-2").task_id, "TASK-1");  // as the global file tells it
  EXPECT_EQ(record("lost-100000-cccccc").task_id, "TASK-1");
  write("registry/GLOBAL_REGISTRY.json", "[");
  EXPECT_TRUE(import_workspace(*workspace, source));
}

TEST_F(ImportTest, KeepsTasksApartWhoseNamesBecomeTheSame) {
  write("TASK-x.1/AGENT_REGISTRY.json", R"({"task_id": "TASK-x.1", "task_description": "Dotted",
    "agents": [{"id": "dot", "status": "completed"}]})");
  write("TASK-x_1/AGENT_REGISTRY.json", R"({"task_id": "TASK-x_1", "task_description": "Plain",
    "agents": [{"id": "plain", "status": "completed"}]})");
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->tasks, 4);
  EXPECT_TRUE(mentions(report->renamed, "TASK-x.1 -> TASK-x_1-2"));
  const auto state = workspace->store().read();
  ASSERT_NE((*state)->task("TASK-x_1-2"), nullptr);
  EXPECT_EQ((*state)->task("TASK-x_1-2")->description, "Dotted");
  EXPECT_EQ(to_json(*(*state)->task("TASK-x_1-2"))["source_task_id"], "TASK-x.1");
  EXPECT_EQ((*state)->task("TASK-x_1")->description, "Plain");
  EXPECT_EQ(record("dot").task_id, "TASK-x_1-2");
  EXPECT_EQ(record("plain").task_id, "TASK-x_1");
  EXPECT_EQ(import_workspace(*workspace, source)->tasks, 0);
}

TEST_F(ImportTest, ReportsTwoFilesThatClaimOneTaskAndLosesNeither) {
  write("TASK-0/AGENT_REGISTRY.json", R"({"task_id": "TASK-1", "task_description": "A copy",
    "agents": [{"id": "copied", "status": "completed"}]})");
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(mentions(report->disagreements, "TASK-0", "another one"));
  const auto state = workspace->store().read();
  EXPECT_EQ((*state)->task("TASK-1")->description, "First");
  ASSERT_NE((*state)->task("TASK-0"), nullptr);
  EXPECT_EQ((*state)->task("TASK-0")->description, "A copy");
  EXPECT_EQ(record("copied").task_id, "TASK-0");
}

TEST_F(ImportTest, ReportsWhatItCannotLookAt) {
  // As root too: nobody can follow a link to itself.
  std::filesystem::create_directory(source / "TASK-3");
  std::filesystem::create_symlink("AGENT_REGISTRY.json", source / "TASK-3/AGENT_REGISTRY.json");
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(mentions(report->skipped, "TASK-3", "symbolic links"));
  EXPECT_EQ(report->tasks, 2);
}

TEST_F(ImportTest, SkipsAFileThatIsNestedTooDeep) {
  const auto nested = [](std::size_t depth) {
    return "{\"task_id\": \"TASK-3\", \"x\": " + std::string(depth, '[') + std::string(depth, ']') +
           "}";
  };
  write("TASK-3/AGENT_REGISTRY.json", nested(100'000));
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(mentions(report->skipped, "TASK-3", "200 levels"));
  EXPECT_EQ(report->tasks, 2);
  // Control: brackets within text are no nesting, and 199 levels below the object are allowed.
  write("TASK-3/AGENT_REGISTRY.json", nested(199));
  write("TASK-4/AGENT_REGISTRY.json",
        "{\"task_description\": \"\\\"" + std::string(300, '[') + "\"}");
  EXPECT_EQ(import_workspace(*workspace, source)->tasks, 2);
}

TEST_F(ImportTest, ReportsMembersOfAWrongType) {
  write("registry/GLOBAL_REGISTRY.json", R"({"tasks": ["TASK-1", "TASK-2"], "agents": [{}, {}]})");
  write("TASK-2/AGENT_REGISTRY.json", R"({"agents": {"a": 1}, "agent_hierarchy": ["a"]})");
  const auto report = import_workspace(*workspace, source);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(mentions(report->skipped, "GLOBAL_REGISTRY", "'tasks' is not an object"));
  EXPECT_TRUE(mentions(report->skipped, "GLOBAL_REGISTRY", "'agents' is not an object"));
  EXPECT_TRUE(mentions(report->skipped, "TASK-2", "'agents' is not a list"));
  EXPECT_TRUE(mentions(report->skipped, "TASK-2", "'agent_hierarchy' is not an object"));
  EXPECT_EQ(report->tasks, 2);
  const auto state = workspace->store().read();
  EXPECT_EQ((*state)->task("0"), nullptr);
  EXPECT_EQ(to_json(*(*state)->task("TASK-2"))["source_agents"]["a"], 1);
  write("registry/GLOBAL_REGISTRY.json", R"({"tasks": 7})");
  EXPECT_TRUE(mentions(import_workspace(*workspace, source)->skipped, "'tasks' is not an object"));
}

TEST_F(ImportTest, KeepsTheOriginalOfWhatItCannotTakeOverExactly) {
  write("TASK-3/AGENT_REGISTRY.json", R"({"task_id": "TASK-3", "priority": "P1",
    "updated_at": "yesterday", "created_at": "9999-12-31T23:59:59-01:00", "limits": "none",
    "orchestration_guidance": "Be terse", "max_agents": -4, "owner": "me",
    "agents": [{"id": "odd", "type": "code r", "status": "running", "progress": "45%",
      "message": "half way", "version": 7, "owner": "me", "session": 3, "ended_at": "later",
      "parent": "orchestrator", "depth": 1, "started_at": "2025-01-01T10:00:01",
      "findings": ["x"], "tracked_files": [{"path": "a"}]}]})");
  ASSERT_TRUE(import_workspace(*workspace, source));
  const auto state = workspace->store().read();
  const Task& read = *(*state)->task("TASK-3");
  EXPECT_EQ(read.priority, "normal");
  const Json task = to_json(read);
  EXPECT_EQ(task["source_priority"], "P1");
  EXPECT_EQ(task["source_updated_at"], "yesterday");
  EXPECT_EQ(task["source_created_at"], "9999-12-31T23:59:59-01:00");
  EXPECT_EQ(task["source_limits"], "none");
  EXPECT_EQ(task["source_orchestration_guidance"], "Be terse");
  EXPECT_EQ(task["source_max_agents"], -4);
  EXPECT_EQ(task["owner"], "me");
  EXPECT_FALSE(task.contains("source_task_id"));
  const Json agent = to_json(record("odd"));
  EXPECT_EQ(agent["message"], "half way");
  EXPECT_EQ(agent["progress"], 0);
  EXPECT_EQ(agent["source_progress"], "45%");
  EXPECT_EQ(agent["source_type"], "code r");
  EXPECT_EQ(agent["source_version"], 7);
  EXPECT_EQ(agent["source_owner"], "me");
  EXPECT_EQ(agent["source_session"], 3);
  EXPECT_EQ(agent["source_ended_at"], "later");
  EXPECT_EQ(agent["source_findings"], Json::array({"x"}));
  EXPECT_EQ(agent["source_tracked_files"][0]["path"], "a");
  // Control: what is taken over leaves no second copy.
  for (const char* name : {"source_message", "source_started_at", "source_parent", "source_id"}) {
    EXPECT_FALSE(agent.contains(name)) << name;
  }
}

TEST_F(ImportTest, KeepsWhatOnlyTheGlobalFileKnows) {
  write("registry/GLOBAL_REGISTRY.json", R"({
    "total_tasks": 2, "max_concurrent_agents": 20, "name": "fleet",
    "tasks": {"TASK-1": {"status": "INITIALIZED", "client": "cli"}, "TASK-2": {}},
    "agents": {
      "coder-100000-aaaaaa": {"task_id": "TASK-1", "type": "coder", "parent": "orchestrator",
        "tmux_session": "agent_coder-100000-aaaaaa", "status": "running", "claude_pid": 17},
      "deep": {"task_id": "TASK-1", "parent": "helper-100000-bbbbbb", "status": "completed"},
      "below": {"task_id": "TASK-1", "parent": "deep", "status": "completed"},
      "loop-a": {"task_id": "TASK-1", "parent": "loop-b", "status": "completed"},
      "loop-b": {"task_id": "TASK-1", "parent": "loop-a", "status": "completed"}}})");
  ASSERT_TRUE(import_workspace(*workspace, source));
  const Json coder = to_json(record("coder-100000-aaaaaa"));
  EXPECT_EQ(coder["source_global"], (Json{{"claude_pid", 17}}));
  EXPECT_FALSE(to_json(record("coder-100000-aaaaaa-2")).contains("source_global"));
  const auto state = workspace->store().read();
  const Json task = to_json(*(*state)->task("TASK-1"));
  EXPECT_EQ(task["source_global"], (Json{{"client", "cli"}}));
  EXPECT_EQ(task["source_workspace"], (Json{{"max_concurrent_agents", 20}, {"name", "fleet"}}));
  EXPECT_EQ(record("deep").depth, 3);
  EXPECT_EQ(record("below").depth, 4);
  EXPECT_GE(record("loop-a").depth, 1);
}

TEST_F(ImportTest, ReportsWhereTasksDisagree) {
  write("registry/GLOBAL_REGISTRY.json", R"({"active_tasks": 9, "tasks": {
    "TASK-1": {"status": "paused", "description": "Something else"},
    "TASK-2": {"status": "completed", "description": "Second"}}})");
  const auto report = import_workspace(*workspace, source);
  const auto& lines = report->disagreements;
  EXPECT_TRUE(mentions(lines, "task TASK-1: status is 'INITIALIZED'", "'paused'"));
  EXPECT_TRUE(mentions(lines, "task TASK-1: description is 'First'", "'Something else'"));
  EXPECT_TRUE(mentions(lines, "active_tasks is 9, and 1 are there"));
  EXPECT_TRUE(mentions(lines, "helper-100000-bbbbbb is not in agent_hierarchy"));
  EXPECT_FALSE(mentions(lines, "task TASK-2: status"));
  EXPECT_FALSE(mentions(lines, "task TASK-2: description"));
  EXPECT_FALSE(mentions(lines, "coder-100000-aaaaaa is not in agent_hierarchy"));
}

TEST_F(ImportTest, WritesNothingToTheSource) {
  const auto read = [&] {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source)) {
      all += entry.path().string();
      if (entry.is_regular_file()) all += *base::read_file(entry.path());
      all += fmt::format("{}", entry.last_write_time().time_since_epoch().count());
    }
    return all;
  };
  const std::string before = read();
  ASSERT_TRUE(import_workspace(*workspace, source));
  EXPECT_EQ(read(), before);
}

TEST_F(ImportTest, SaysWhenThereIsNothing) {
  EXPECT_EQ(import_workspace(*workspace, folder / "none").error().code, Errc::kNotFound);
  std::filesystem::create_directory(folder / "empty");
  EXPECT_EQ(import_workspace(*workspace, folder / "empty").error().code, Errc::kInvalid);
  std::filesystem::create_directories(folder / "damaged/TASK-1");
  std::ofstream(folder / "damaged/TASK-1/AGENT_REGISTRY.json") << "{";
  EXPECT_EQ(import_workspace(*workspace, folder / "damaged").error().code, Errc::kDamaged);
}

}  // namespace
}  // namespace orc::core_test
