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
}

}  // namespace
}  // namespace orc::core_test
