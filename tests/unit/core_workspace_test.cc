#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core_support.h"

namespace orc::core_test {
namespace {

using base::Errc;

TEST(WorkspaceTest, InitMakesWhatOpenFinds) {
  const tests::TempFolder folder;
  Config config;
  config.sessions = "process";
  config.agent_command = {"agent", "{prompt_file}"};
  const auto made = Workspace::init(folder / "a" / "b", config, {3, 4, 5});
  ASSERT_TRUE(made) << made.error().message;
  const auto opened = Workspace::open(folder / "a" / "b");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->config().workspace_id, made->config().workspace_id);
  EXPECT_EQ(opened->config().agent_command, config.agent_command);
  EXPECT_EQ((*opened->store().read())->limits(), (Limits{3, 4, 5}));
}

TEST(WorkspaceTest, RefusesASecondInitAndKeepsTheFirst) {
  const tests::TempFolder folder;
  Config config;
  config.sessions = "process";
  const auto made = Workspace::init(folder / "ws", config, {});
  ASSERT_TRUE(made);
  const auto again = Workspace::init(folder / "ws", config, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kExists);
  EXPECT_EQ(Workspace::open(folder / "ws")->config().workspace_id, made->config().workspace_id);
}

TEST(WorkspaceTest, CompletesAnInitThatWasKilledBeforeItsConfiguration) {
  const tests::TempFolder folder;
  Config config;
  config.sessions = "process";
  ASSERT_TRUE(Workspace::init(folder / "ws", config, {}));
  std::filesystem::remove(folder / "ws" / "config.json");
  std::ofstream(folder / "ws" / "config.json.tmp-abc") << "{";
  EXPECT_EQ(Workspace::open(folder / "ws").error().code, Errc::kDamaged);
  ASSERT_TRUE(Workspace::init(folder / "ws", config, {}));
  EXPECT_TRUE(Workspace::open(folder / "ws"));
  EXPECT_FALSE(std::filesystem::exists(folder / "ws" / "config.json.tmp-abc"));
}

TEST(WorkspaceTest, CompletesAnInitThatWasKilledBeforeItsRegistry) {
  const tests::TempFolder folder;
  std::filesystem::create_directories(folder / "ws" / "prompts");
  std::ofstream(folder / "ws" / "registry.lock").flush();
  Config config;
  config.sessions = "process";
  EXPECT_TRUE(Workspace::init(folder / "ws", config, {}));
}

TEST(WorkspaceTest, SaysWhatIsWrongWithAFolder) {
  const tests::TempFolder folder;
  EXPECT_EQ(Workspace::open(folder / "none").error().code, Errc::kNotFound);
  EXPECT_EQ(Workspace::open(folder.path()).error().code, Errc::kNotFound);
  Config config;
  config.sessions = "process";
  ASSERT_TRUE(Workspace::init(folder / "ws", config, {}));
  std::ofstream(folder / "ws" / "config.json") << "{\"workspace_id\": 3}";
  EXPECT_EQ(Workspace::open(folder / "ws").error().code, Errc::kDamaged);
}

TEST(WorkspaceTest, RefusesWrongSettings) {
  const tests::TempFolder folder;
  Config config;
  config.sessions = "screen";
  EXPECT_EQ(Workspace::init(folder / "ws", config, {}).error().code, Errc::kInvalid);
  config.sessions = "tmux";
  config.tmux_socket = "a/b";
  EXPECT_EQ(Workspace::init(folder / "ws", config, {}).error().code, Errc::kInvalid);
  config.tmux_socket = "";
  EXPECT_EQ(Workspace::init(folder / "ws", config, {-1, 0, 0}).error().code, Errc::kInvalid);
  EXPECT_FALSE(std::filesystem::exists(folder / "ws"));
}

TEST(WorkspaceTest, RefusesTimeoutsThatNoTimeCanHold) {
  using std::chrono::milliseconds;
  const tests::TempFolder folder;
  for (auto member : {&Config::lock_timeout, &Config::start_timeout}) {
    for (const milliseconds wrong :
         {milliseconds(0), milliseconds(300'000'000'000'000), milliseconds::max()}) {
      Config config;
      config.sessions = "process";
      config.*member = wrong;
      const auto made = Workspace::init(folder / "ws", config, {});
      ASSERT_FALSE(made) << wrong.count();
      EXPECT_EQ(made.error().code, Errc::kInvalid);
      EXPECT_NE(made.error().message.find("ten years"), std::string::npos);
    }
  }
  Config config;
  config.sessions = "process";
  config.start_timeout = std::chrono::years{10};
  EXPECT_TRUE(Workspace::init(folder / "ws", config, {}));
}

TEST(WorkspaceTest, TellsAFolderThatMayNotBeEnteredFromOneThatIsNotThere) {
  const tests::TempFolder folder;
  const auto closed = folder / "closed";
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  tests::ChildProcess child([&] {
    // Nothing is closed to root; the temporary folder is root's own, so it is to anybody else.
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return 2;
    const auto opened = Workspace::open(closed / "ws");
    if (opened || opened.error().code != Errc::kIo) return 3;
    return opened.error().message.find("Permission denied") == std::string::npos ? 4 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
  std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
  EXPECT_EQ(Workspace::open(closed / "ws").error().code, Errc::kNotFound);
}

TEST_F(CoreTest, TasksHaveUniqueIdsAndSoundInput) {
  TaskRequest task;
  task.id = "t";
  task.description = "again";
  EXPECT_EQ(create_task(*workspace, task).error().code, Errc::kExists);
  task.id = "";
  EXPECT_TRUE(create_task(*workspace, task));
  task.description = "";
  EXPECT_EQ(create_task(*workspace, task).error().code, Errc::kInvalid);
  task.description = std::string(65 << 10, 'x');
  EXPECT_EQ(create_task(*workspace, task).error().code, Errc::kInvalid);
  task.description = "bad \xff";
  EXPECT_EQ(create_task(*workspace, task).error().code, Errc::kInvalid);
  task.description = "ok";
  task.priority = "urgent";
  EXPECT_EQ(create_task(*workspace, task).error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace orc::core_test
