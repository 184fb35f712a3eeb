// Goal: who asks whether a process lives is known by his call, and what he would be told. Method:
// made-up calls, and a child that lives, has ended, has been waited for.
#include "harness/schedule/lives.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "tests/support/child_process.h"

namespace stress {
namespace {

Op call_of(Sys sys, const std::string& path) {
  Op op;
  op.sys = sys;
  op.path = path;
  return op;
}

Op signal_of(int number, int signal, std::uint64_t whom) {
  Op op;
  op.sys = Sys::kSignal;
  op.number = number;
  op.flags = signal;
  op.arguments[0] = whom;
  return op;
}

TEST(Lives, ASignalOfNumberZeroAsks) {
  EXPECT_EQ(asked_about(signal_of(SYS_kill, 0, 42)), 42);
  EXPECT_EQ(asked_about(signal_of(SYS_tgkill, 0, 42)), 42);
  const auto group = static_cast<std::uint64_t>(static_cast<std::int64_t>(-42));
  EXPECT_EQ(asked_about(signal_of(SYS_kill, 0, group)), 42);
  EXPECT_EQ(asked_about(signal_of(SYS_kill, SIGTERM, 42)), std::nullopt);
  EXPECT_EQ(asked_about(signal_of(SYS_kill, 0, 0)), std::nullopt) << "one's own group";
}

TEST(Lives, AFileOfItsOwnInProcAsks) {
  for (const Sys sys : {Sys::kOpen, Sys::kLook}) {
    EXPECT_EQ(asked_about(call_of(sys, "/proc/42")), 42);
    EXPECT_EQ(asked_about(call_of(sys, "/proc/42/stat")), 42);
    for (const char* other : {"/proc", "/proc/", "/proc/self/stat", "/proc/42x/stat", "/x/42"}) {
      EXPECT_EQ(asked_about(call_of(sys, other)), std::nullopt) << other;
    }
  }
  Op by_descriptor = call_of(Sys::kLook, "/proc/42/stat");
  by_descriptor.fd = 3;
  EXPECT_EQ(asked_about(by_descriptor), std::nullopt);
}

TEST(Lives, ADescriptorOfAProcessIsKnownByWhomItIsOf) {
  const tests::ChildProcess child([] { return ::pause(); });
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, child.pid(), 0));
  ASSERT_GE(fd, 0);
  Op asks = signal_of(SYS_pidfd_send_signal, 0, static_cast<std::uint64_t>(fd));
  asks.tid = getpid();
  EXPECT_EQ(asked_about(asks), child.pid());
  close(fd);
  EXPECT_EQ(asked_about(asks), std::nullopt);
}

TEST(Lives, WhoHasEndedIsAZombieUntilHeIsWaitedFor) {
  tests::ChildProcess child([] { return ::pause(); });
  EXPECT_EQ(standing_of(child.pid()), "lives");
  child.kill(SIGKILL);
  siginfo_t ended{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(standing_of(child.pid()), "is a zombie");
  child.wait();
  EXPECT_EQ(standing_of(child.pid()), "is gone");
}

TEST(Lives, EachEndAndEachWaitIsToldOnce) {
  tests::ChildProcess child([] { return ::pause(); });
  TaskTable tasks;
  ScheduledTask& task = tasks.add_root("A", 0, child.pid());
  Lives lives;
  EXPECT_TRUE(lives.changes(tasks).empty());
  child.kill(SIGKILL);
  siginfo_t gone{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &gone, WEXITED | WNOWAIT), 0);
  const pid_t pid = child.pid();
  tasks.bury(task);
  const auto ended = lives.changes(tasks);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].process, pid);
  EXPECT_FALSE(ended[0].reaped);
  child.wait();
  const auto reaped = lives.changes(tasks);
  ASSERT_EQ(reaped.size(), 1u);
  EXPECT_TRUE(reaped[0].reaped);
  EXPECT_TRUE(lives.changes(tasks).empty());
}

}  // namespace
}  // namespace stress
