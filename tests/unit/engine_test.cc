// Goal: the engine does to an unmodified program exactly what its policy says, and nothing else.
// Method: small programs of every Debian (dd, mv, sh) under a policy that acts upon one call; each
// fault has a control run, in which the same policy only watches.
#include "harness/supervise/engine.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "harness/supervise/decode.h"
#include "harness/supervise/reaper.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

class Script : public Policy {
 public:
  std::function<Verdict(const Op&)> rule = [](const Op&) { return Proceed{}; };

  Verdict decide(const Op& op) override {
    const std::lock_guard lock(mutex_);
    seen.push_back(op);
    return rule(op);
  }
  void applied(const Op&, const Verdict&, bool delivered) override {
    const std::lock_guard lock(mutex_);
    deliveries += delivered ? 1 : 0;
  }
  void exited(std::uint32_t, int s) override {
    const std::lock_guard lock(mutex_);
    status = s;
    changed_.notify_all();
  }
  int wait_for_exit() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return status.has_value(); })) {
      ADD_FAILURE() << "the program did not end";
      return -1;
    }
    return *status;
  }

  std::vector<Op> seen;
  int deliveries = 0;
  std::optional<int> status;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
    // As the harness does: who outlives the launched program is reaped here.
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    std::string pattern = (fs::temp_directory_path() / "engine test ü XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  /// Runs a program to its end and returns its wait status.
  int run(std::vector<std::string> argv, std::uint32_t set = kCrashSet) {
    over_while_descendants_lived_ = false;
    auto engine = Engine::start(script_, set, -1);
    EXPECT_TRUE(engine) << engine.error().message;
    const auto root = (*engine)->launch({std::move(argv), {"PATH=/usr/bin:/bin"}, folder_, {}});
    EXPECT_TRUE(root) << root.error().message;
    const int status = script_.wait_for_exit();
    if (outlive_) {
      over_while_descendants_lived_ = (*engine)->is_over(*root);
      outlive_();
    }
    // The programs that outlive it are still answered: nothing of theirs may be lost.
    for (int i = 0; i < 6000 && !(*engine)->is_over(*root); ++i) {
      reap_adopted();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_FALSE((*engine)->descendants_alive());
    EXPECT_TRUE((*engine)->is_over(*root));
    return status;
  }
  std::vector<std::string> dd(const std::string& file, int bytes) {
    return {"/bin/dd", "if=/dev/zero", "of=" + file, "bs=" + std::to_string(bytes),
            "count=1", "status=none"};
  }
  std::string in_folder(const std::string& name) { return (folder_ / name).string(); }

  /// Called when the launched program is dead, to let go of who outlives it.
  std::function<void()> outlive_;
  bool over_while_descendants_lived_ = false;
  fs::path folder_;
  Script script_;
};

bool writes_to(const Op& op, const std::string& file) {
  return op.sys == Sys::kWrite && op.path == file;
}

TEST_F(EngineTest, WatchesWithoutChangingAnything) {
  const std::string file = in_folder("out");
  EXPECT_EQ(run(dd(file, 16384)), 0);
  EXPECT_EQ(fs::file_size(file), 16384u);
  int writes = 0;
  for (const Op& op : script_.seen) {
    if (!writes_to(op, file)) continue;
    ++writes;
    EXPECT_EQ(op.bytes, 16384u);
    EXPECT_TRUE(op.in_root);
    EXPECT_EQ(op.origin, op.tid);
  }
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(script_.deliveries, 0);
}

TEST_F(EngineTest, KillBeforeLeavesNoEffectOfTheCall) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kProcess};
    return Proceed{};
  };
  const int status = run(dd(file, 16384));
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(fs::file_size(file), 0u);
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(EngineTest, KillMidLeavesExactlyTheCut) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillMid{Scope::kProcess, 8192};
    return Proceed{};
  };
  EXPECT_TRUE(WIFSIGNALED(run(dd(file, 16384))));
  EXPECT_EQ(fs::file_size(file), 8192u);
}

TEST_F(EngineTest, KillAfterLeavesTheWholeEffect) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillAfter{Scope::kProcess};
    return Proceed{};
  };
  EXPECT_TRUE(WIFSIGNALED(run(dd(file, 16384))));
  EXPECT_EQ(fs::file_size(file), 16384u);
}

TEST_F(EngineTest, KillAfterACallThatOnlyTheTaskCanMakeFallsAtItsNextStop) {
  std::ofstream(folder_ / "a") << "content";
  script_.rule = [&](const Op& op) -> Verdict {
    if (op.sys == Sys::kRename) return KillAfter{Scope::kProcess};
    return Proceed{};
  };
  const int status =
      run({"/bin/sh", "-c", "exec /usr/bin/perl -e 'rename q(a), q(b); open F, q(>c)'"});
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(fs::exists(folder_ / "b"));
  EXPECT_FALSE(fs::exists(folder_ / "c"));
}

TEST_F(EngineTest, FailReturnsTheErrorAndTheProgramReportsIt) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return Fail{ENOSPC};
    return Proceed{};
  };
  const int status = run(dd(file, 4096));
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(fs::file_size(file), 0u);
}

TEST_F(EngineTest, ChildrenOutliveACrashOfTheProcessAlone) {
  const std::string file = in_folder("child's");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kProcess};
    return Proceed{};
  };
  EXPECT_TRUE(WIFSIGNALED(run({"/bin/sh", "-c", "echo x > \"child's\" & wait; echo y > own"})));
  // The point lay in a child (a subshell): the shell died, the child went on.
  EXPECT_EQ(fs::file_size(file), 2u);
  EXPECT_FALSE(fs::exists(folder_ / "own"));
}

TEST_F(EngineTest, ChildrenDieInACrashWithDescendants) {
  const std::string file = in_folder("child's");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillBefore{Scope::kDescendants};
    return Proceed{};
  };
  EXPECT_TRUE(WIFSIGNALED(run({"/bin/sh", "-c", "echo x > \"child's\" & wait; echo y > own"})));
  EXPECT_EQ(fs::file_size(file), 0u);
}

TEST_F(EngineTest, AWriteOfADescendantIsNotCut) {
  const std::string file = in_folder("child's");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return KillMid{Scope::kProcess, 1};
    return Proceed{};
  };
  EXPECT_EQ(run({"/bin/sh", "-c", "echo x > \"child's\" & wait; echo y > own"}), 0);
  EXPECT_EQ(fs::file_size(file), 2u);
  EXPECT_TRUE(fs::exists(folder_ / "own"));
  EXPECT_EQ(script_.deliveries, 0);
}

TEST_F(EngineTest, ALaunchIsOverOnlyWhenItsDescendantsAreGoneToo) {
  // The child waits for a byte that comes when the launched program has long been reaped.
  const std::string fifo = in_folder("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int hold = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(hold, 0);
  outlive_ = [&] { EXPECT_EQ(::write(hold, "\n", 1), 1); };
  EXPECT_EQ(run({"/bin/sh", "-c", "{ read x < fifo; } & exit 0"}), 0);
  EXPECT_FALSE(over_while_descendants_lived_);
  close(hold);
}

TEST_F(EngineTest, ALaunchOfOneProcessIsOverWithIt) {
  outlive_ = [] {};
  EXPECT_EQ(run({"/bin/true"}), 0);
  EXPECT_TRUE(over_while_descendants_lived_);
}

TEST_F(EngineTest, AShortWriteTakesLessAndItsCallerWritesTheRest) {
  const std::string file = in_folder("out");
  int writes = 0;
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file) && ++writes == 1) return Short{1000};
    return Proceed{};
  };
  std::ofstream(folder_ / "in") << std::string(1500, 'a') << std::string(1500, 'b');
  EXPECT_EQ(run({"/bin/dd", "if=in", "of=" + file, "bs=3000", "count=1", "status=none"}), 0);
  EXPECT_EQ(script_.deliveries, 1);
  EXPECT_EQ(writes, 2);
  std::string content;
  std::getline(std::ifstream(file), content);
  EXPECT_EQ(content, std::string(1500, 'a') + std::string(1500, 'b'));
}

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

TEST_F(EngineTest, ExitsAndSignalsStopWhereTheyAreWatched) {
  script_.rule = [&](const Op& op) -> Verdict {
    if (op.sys == Sys::kSignal && op.flags == SIGUSR1) return Fail{EPERM};
    return Proceed{};
  };
  EXPECT_EQ(run({"/bin/sh", "-c", "kill -0 $$; kill -USR1 $$; exit 0"}, kPointSet), 0);
  EXPECT_EQ(script_.deliveries, 1);
  EXPECT_EQ(std::ranges::count(script_.seen, Sys::kSignal, &Op::sys), 1);
  EXPECT_EQ(std::ranges::count(script_.seen, Sys::kExit, &Op::sys), 1);
}

TEST_F(EngineTest, DescriptorsDoNotGrowWithTheNumberOfDescendants) {
  const auto open_descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  std::ptrdiff_t most = 0;
  script_.rule = [&](const Op&) -> Verdict {
    most = std::max(most, open_descriptors());
    return Proceed{};
  };
  const std::ptrdiff_t before = open_descriptors();
  EXPECT_EQ(run({"/bin/sh", "-c",
                 "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 "
                 "21 22 23 24 25 26 27 28 29 30; do /bin/echo x > f; done"}),
            0);
  EXPECT_LT(most, before + 30);
}

TEST_F(EngineTest, NamesTheThreadThatForkedAChild) {
  EXPECT_EQ(run({"/bin/sh", "-c", "/bin/true; /bin/echo x > f; :"}), 0);
  pid_t root = 0;
  int of_children = 0;
  for (const Op& op : script_.seen) {
    if (op.in_root) root = op.pid;
    if (op.in_root || root == 0) continue;
    EXPECT_EQ(op.origin, root) << describe(op);
    ++of_children;
  }
  EXPECT_GT(of_children, 0);
}

TEST_F(EngineTest, SeesReadOpensWhenAsked) {
  std::ofstream(folder_ / "in") << "content";
  EXPECT_EQ(run({"/bin/cat", in_folder("in")}, kReadOpens), 0);
  EXPECT_TRUE(std::ranges::any_of(script_.seen, [&](const Op& op) {
    return op.sys == Sys::kOpen && op.path == in_folder("in") && (op.flags & O_ACCMODE) == O_RDONLY;
  }));
}

TEST_F(EngineTest, ResolvesRelativePaths) {
  std::ofstream(folder_ / "a") << "content";
  EXPECT_EQ(run({"/bin/mv", "a", "b"}), 0);
  EXPECT_TRUE(std::ranges::any_of(script_.seen, [&](const Op& op) {
    return op.sys == Sys::kRename && op.path == in_folder("a") && op.path2 == in_folder("b");
  }));
}

TEST_F(EngineTest, APausedProgramGoesOn) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return Pause{std::chrono::milliseconds(50)};
    return Proceed{};
  };
  EXPECT_EQ(run(dd(file, 4096)), 0);
  EXPECT_EQ(fs::file_size(file), 4096u);
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(EngineTest, WithoutAFilterProgramsRunUntouched) {
  EXPECT_EQ(run(dd(in_folder("out"), 4096), 0), 0);
  EXPECT_TRUE(script_.seen.empty());
}

}  // namespace
}  // namespace stress
