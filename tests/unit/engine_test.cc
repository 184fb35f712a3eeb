// Goal: the engine does to an unmodified program exactly what its policy says, and nothing else.
// Method: small programs of every Debian (dd, mv, sh) under a policy that acts upon one call; each
// fault has a control run, in which the same policy only watches.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "harness/supervise/decode.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

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

/// What the policy is told of the arguments of a program that a shell becomes.
const Op* exec_of(const std::vector<Op>& seen, const std::string& program) {
  const auto found = std::ranges::find_if(
      seen, [&](const Op& op) { return op.sys == Sys::kExec && op.path == program; });
  return found == seen.end() ? nullptr : &*found;
}

TEST_F(EngineTest, ReadsTheArgumentsOfAProgramWhereThePolicyAsks) {
  script_.asks_for_argv = true;
  EXPECT_EQ(run({"/bin/sh", "-c", "exec /bin/true list-panes '' 'a b'"}), 0);
  const Op* exec = exec_of(script_.seen, "/bin/true");
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->argv, "list-panes  a b");
  EXPECT_FALSE(exec->argv_cut);
  EXPECT_EQ(describe(*exec), "execve of /bin/true with 'list-panes  a b'");
}

TEST_F(EngineTest, ReadsSoMuchOfTheArgumentsAndSaysThatThereWasMore) {
  script_.asks_for_argv = true;
  const std::string longest(kArgvBytesMax, 'x');
  EXPECT_EQ(run({"/bin/sh", "-c", "exec /bin/true \"$0\"", longest}), 0);
  const Op* whole = exec_of(script_.seen, "/bin/true");
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->argv, longest);
  EXPECT_FALSE(whole->argv_cut);

  EXPECT_EQ(run({"/bin/sh", "-c", "exec /bin/echo \"$0\" y", longest}), 0);
  const Op* cut = exec_of(script_.seen, "/bin/echo");
  ASSERT_NE(cut, nullptr);
  EXPECT_EQ(cut->argv, longest);
  EXPECT_TRUE(cut->argv_cut);
}

TEST_F(EngineTest, LeavesTheArgumentsOfAProgramUnreadWhereNobodyAsks) {
  EXPECT_EQ(run({"/bin/sh", "-c", "exec /bin/true list-panes"}), 0);
  const Op* exec = exec_of(script_.seen, "/bin/true");
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->argv, "");
}

TEST_F(EngineTest, AProgramIsCalledWithoutAnyArgumentsAtAll) {
  script_.asks_for_argv = true;
  EXPECT_EQ(run({"/usr/bin/perl", "-e", "syscall(59, my $p = '/bin/true', 0, 0)"}), 0);
  const Op* exec = exec_of(script_.seen, "/bin/true");
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->argv, "");
}

/// Where only an administrator may trace, or nobody, no exec can be answered by an exit.
bool may_trace() {
  int scope = 0;
  std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
  return scope < 2 || (scope == 2 && geteuid() == 0);
}

TEST_F(EngineTest, AProgramEndsAtOnceAndItsCallerSeesItRunAndFail) {
  if (!may_trace()) GTEST_SKIP() << "tracing is forbidden here";
  script_.rule = [](const Op& op) -> Verdict {
    if (op.sys == Sys::kExec && op.path == "/usr/bin/touch") return Exit{42};
    return Proceed{};
  };
  // perl's exec returns only where it failed; then this child would end with 9.
  const std::string child = "if (!fork) { exec '/usr/bin/touch', 'f'; exit 9 } wait; exit $? >> 8";
  EXPECT_EQ(WEXITSTATUS(run({"/usr/bin/perl", "-e", child})), 42);
  EXPECT_FALSE(fs::exists(folder_ / "f"));
  EXPECT_EQ(script_.deliveries, 1);

  script_.rule = [](const Op&) { return Proceed{}; };
  EXPECT_EQ(run({"/usr/bin/perl", "-e", child}), 0);
  EXPECT_TRUE(fs::exists(folder_ / "f"));
}

TEST_F(EngineTest, ALaunchedProgramItselfEndsAtOnce) {
  if (!may_trace()) GTEST_SKIP() << "tracing is forbidden here";
  script_.rule = [](const Op& op) -> Verdict {
    if (op.sys == Sys::kExec && op.path == "/usr/bin/touch") return Exit{3};
    return Proceed{};
  };
  EXPECT_EQ(WEXITSTATUS(run({"/bin/sh", "-c", "exec /usr/bin/touch f"}, kPointSet)), 3);
  EXPECT_FALSE(fs::exists(folder_ / "f"));
}

TEST_F(EngineTest, APausedExecHasHappenedAndItsProgramHasDoneNothing) {
  script_.rule = [&](const Op& op) -> Verdict {
    if (op.sys == Sys::kExec && op.path == "/usr/bin/touch") {
      return Pause{std::chrono::hours(1), Victim::kCaller};
    }
    // Made by the parent, which is not stopped, while the program sleeps in its first instruction.
    if (op.sys == Sys::kFolder) {
      EXPECT_FALSE(fs::exists(folder_ / "f"));
      running_->end_pauses();
    }
    return Proceed{};
  };
  // The pipe closes in the child by its exec; so the parent knows of it, as posix_spawn does.
  EXPECT_EQ(run({"/usr/bin/perl", "-e",
                 "pipe R, W; if (!fork) { exec '/usr/bin/touch', 'f' } close W; <R>; mkdir 'd'; "
                 "wait; exit $?"}),
            0);
  EXPECT_TRUE(fs::exists(folder_ / "f"));
  EXPECT_TRUE(fs::exists(folder_ / "d"));
}

TEST_F(EngineTest, AFileIsUnlinkedByAStrangerRightBeforeTheCall) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return Unlink{};
    return Proceed{};
  };
  EXPECT_EQ(run(dd(file, 4096)), 0);
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(EngineTest, AFileIsNotUnlinkedByANameThatMeansAnotherOneByNow) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (!writes_to(op, file)) return Proceed{};
    fs::remove(file);
    std::ofstream(file) << "another's";
    return Unlink{};
  };
  EXPECT_EQ(run(dd(file, 4096)), 0);
  EXPECT_EQ(fs::file_size(file), 9u);
  EXPECT_EQ(script_.deliveries, 0);
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
