// Goal: a crash of a command takes the command, and with descendants those of it that are no
// daemons, and never whoever runs it.
// Method: as in engine_test.cc; the launched shell runs one command and writes down how it ended.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "harness/supervise/decode.h"
#include "harness/supervise/process_table.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

// A launcher that runs one command and then says how that ended, as a worker does.
std::vector<std::string> launcher(const std::string& command) {
  return {"/bin/sh", "-c", command + "; echo $? > ended; exit 0"};
}

class CommandVictimTest : public EngineTest {
 protected:
  [[nodiscard]] std::string ended() const {
    std::string text;
    std::getline(std::ifstream(folder_ / "ended"), text);
    return text;
  }
};

TEST_F(CommandVictimTest, ACommandIsKnownByTheChildThatItIsOrDescendsFrom) {
  EXPECT_EQ(run(launcher("/bin/sh -c '/bin/echo x > a; :'")), 0);
  std::set<pid_t> commands;
  pid_t root = 0;
  for (const Op& op : script_.seen) {
    if (op.in_root) {
      root = op.pid;
      EXPECT_EQ(op.command, 0) << describe(op);
    } else {
      commands.insert(op.command);
      EXPECT_EQ(op.in_command, op.pid == op.command);
      EXPECT_NE(op.command, root);
    }
  }
  EXPECT_EQ(commands.size(), 1u);
  EXPECT_TRUE(std::ranges::any_of(script_.seen, [](const Op& op) {
    return op.sys == Sys::kExec && op.path == "/bin/echo" && !op.in_command && op.command != 0;
  }));
}

TEST_F(CommandVictimTest, DiesAloneAndItsLauncherGoesOn) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kProcess, Victim::kCommand};
    return Proceed{};
  };
  EXPECT_EQ(run(launcher("/bin/dd if=/dev/zero of=out bs=16384 count=1 status=none")), 0);
  EXPECT_EQ(fs::file_size(file), 0u);
  EXPECT_EQ(ended(), "137");
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(CommandVictimTest, KillMidLeavesExactlyTheCut) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillMid{Scope::kProcess, 8192, Victim::kCommand};
    return Proceed{};
  };
  EXPECT_EQ(run(launcher("/bin/dd if=/dev/zero of=out bs=16384 count=1 status=none")), 0);
  EXPECT_EQ(fs::file_size(file), 8192u);
  EXPECT_EQ(ended(), "137");
}

TEST_F(CommandVictimTest, KillAfterLeavesTheWholeEffect) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillAfter{Scope::kProcess, Victim::kCommand};
    return Proceed{};
  };
  EXPECT_EQ(run(launcher("/bin/dd if=/dev/zero of=out bs=16384 count=1 status=none")), 0);
  EXPECT_EQ(fs::file_size(file), 16384u);
  EXPECT_EQ(ended(), "137");
}

TEST_F(CommandVictimTest, ItsChildrenOutliveACrashOfItAlone) {
  const std::string file = in_folder("child's");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kProcess, Victim::kCommand};
    return Proceed{};
  };
  EXPECT_EQ(run(launcher("/bin/sh -c '/bin/echo x > \"child'\\''s\"; /bin/echo y > own'")), 0);
  EXPECT_EQ(fs::file_size(file), 2u);
  EXPECT_FALSE(fs::exists(folder_ / "own"));
  EXPECT_EQ(ended(), "137");
}

TEST_F(CommandVictimTest, ItsChildrenDieInACrashWithDescendants) {
  const std::string file = in_folder("child's");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kDescendants, Victim::kCommand};
    return Proceed{};
  };
  EXPECT_EQ(run(launcher("/bin/sh -c '/bin/echo x > \"child'\\''s\"; /bin/echo y > own'")), 0);
  EXPECT_EQ(fs::file_size(file), 0u);
  EXPECT_FALSE(fs::exists(folder_ / "own"));
  EXPECT_EQ(ended(), "137");
}

TEST_F(CommandVictimTest, DaemonsOutliveACrashWithDescendants) {
  const std::string file = in_folder("out");
  const std::string fifo = in_folder("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kDescendants, Victim::kCommand};
    return Proceed{};
  };
  // The daemon opens the pipe for writing, so the command knows that it has its own session; then
  // it waits to hear that the command is dead.
  EXPECT_EQ(run({"/bin/sh", "-c",
                 "/bin/sh -c 'setsid /bin/sh -c \"echo up > fifo; read x < fifo; echo x > daemon; "
                 "echo done > fifo\" & read x < fifo; /bin/echo x > out; echo y > own'; "
                 "echo $? > ended; echo go > fifo; read x < fifo"}),
            0);
  EXPECT_EQ(ended(), "137");
  EXPECT_FALSE(fs::exists(folder_ / "own"));
  EXPECT_EQ(fs::file_size(folder_ / "daemon"), 2u);
}

TEST_F(CommandVictimTest, IsPausedAloneAndGoesOn) {
  const std::string file = in_folder("out");
  pid_t command = 0;
  bool was_stopped = false;
  script_.rule = [&](const Op& op) -> Verdict {
    if (op.sys == Sys::kOpen && op.path == file) {
      command = op.command;
      return Pause{std::chrono::hours(1), Victim::kCommand};
    }
    // Made by the launcher, which the command's rest does not hold up. It ends it.
    if (op.sys == Sys::kOpen && op.path == in_folder("beside")) {
      for (int i = 0; i < 6000 && !was_stopped; ++i) {
        was_stopped = read_stat(command).value_or(ProcessStat{}).state == 'T';
        std::this_thread::sleep_for(std::chrono::milliseconds(was_stopped ? 0 : 5));
      }
      kill(command, SIGCONT);
    }
    return Proceed{};
  };
  EXPECT_EQ(run({"/bin/sh", "-c",
                 "/bin/dd if=/dev/zero of=out bs=4096 count=1 status=none & "
                 "while [ ! -e out ]; do :; done; echo x > beside; wait"}),
            0);
  EXPECT_TRUE(was_stopped);
  EXPECT_EQ(fs::file_size(file), 4096u);
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(CommandVictimTest, AGrandchildsWriteIsCutOnlyIfItDiesToo) {
  const std::string file = in_folder("out");
  for (const Scope scope : {Scope::kProcess, Scope::kDescendants}) {
    script_.status.reset();
    script_.deliveries = 0;
    script_.rule = [&](const Op& op) -> Verdict {
      if (writes_to(op, file)) return KillMid{scope, 4096, Victim::kCommand};
      return Proceed{};
    };
    EXPECT_EQ(
        run(launcher("/bin/sh -c '/bin/dd if=/dev/zero of=out bs=16384 count=1 status=none; :'")),
        0);
    EXPECT_EQ(fs::file_size(file), scope == Scope::kProcess ? 16384u : 4096u);
    EXPECT_EQ(script_.deliveries, scope == Scope::kProcess ? 0 : 1);
    EXPECT_EQ(ended(), scope == Scope::kProcess ? "0" : "137");
  }
}

TEST_F(CommandVictimTest, TheLaunchersOwnCallHasNoCommandToKill) {
  const std::string file = in_folder("own");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kProcess, Victim::kCommand};
    return Proceed{};
  };
  EXPECT_EQ(run({"/bin/sh", "-c", "echo x > own"}), 0);
  EXPECT_EQ(fs::file_size(file), 2u);
  EXPECT_EQ(script_.deliveries, 0);
}

}  // namespace
}  // namespace stress
