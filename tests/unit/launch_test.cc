// Goal: a program is started as its LaunchSpec says, whatever its launcher is like, and its
// launcher is not changed by it although the child lives in the launcher's memory until its execve.
// Method: ordinary programs that tell what they were given.
#include "harness/supervise/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/supervise/reaper.h"
#include "harness/supervise/stopped.h"
#include "orchestrator/base/file_io.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using ::testing::HasSubstr;

class Launch : public testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
    filter_ = build_filter(kCrashSet).value();
  }
  [[nodiscard]] LaunchSpec spec(std::vector<std::string> argv) const {
    return {.argv = std::move(argv), .env = {"LC_ALL=C"}, .cwd = {}, .output = folder_ / "out"};
  }
  Launched start(const LaunchSpec& spec) {
    auto launched = launch(spec, &filter_, -1);
    EXPECT_TRUE(launched) << launched.error().message;
    return std::move(*launched);
  }
  /// Lets it run to its end; its exit code, or -1.
  static int finish(const Launched& launched) {
    pollfd ready{launched.listener.get(), POLLIN, 0};
    while (poll(&ready, 1, 60'000) == 1 && (ready.revents & POLLIN) != 0) {
      Stopped stopped;
      stopped.listener = ready.fd;
      if (ioctl(ready.fd, SECCOMP_IOCTL_NOTIF_RECV, &stopped.notification) == 0) stopped.go_on();
    }
    return reap(launched.pid);
  }
  static int reap(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    disown_child(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// What a program says that is run with and without a filter: it must be the same.
  std::string said(const LaunchSpec& spec) {
    std::filesystem::remove(spec.output);
    EXPECT_EQ(finish(start(spec)), 0);
    std::string supervised = base::read_file(spec.output).value_or("");
    std::filesystem::remove(spec.output);
    const auto bare = launch(spec, nullptr, -1);
    EXPECT_TRUE(bare && reap(bare->pid) == 0);
    EXPECT_EQ(base::read_file(spec.output).value_or(""), supervised);
    return supervised;
  }

  tests::TempFolder folder_;
  BpfProgram filter_;
};

TEST_F(Launch, WithFixedAddressesTheyAreTheSameInEachRun) {
  LaunchSpec maps = spec({"/bin/cat", "/proc/self/maps"});
  maps.fixed_addresses = true;
  EXPECT_THAT(said(maps), HasSubstr("[stack]"));
}

TEST_F(Launch, WithoutFixedAddressesTheyAreNot) {
  if ((personality(0xffffffff) & ADDR_NO_RANDOMIZE) != 0) GTEST_SKIP() << "nor are they here";
  if (base::read_file("/proc/sys/kernel/randomize_va_space").value_or("0\n") == "0\n") {
    GTEST_SKIP() << "this machine does not randomize addresses";
  }
  LaunchSpec maps = spec({"/bin/cat", "/proc/self/maps"});
  EXPECT_EQ(finish(start(maps)), 0);
  maps.output = folder_ / "second";
  EXPECT_EQ(finish(start(maps)), 0);
  EXPECT_NE(base::read_file(folder_ / "out").value(), base::read_file(folder_ / "second").value());
}

TEST_F(Launch, ErrorsGoToTheirOwnFileWhereThereIsOne) {
  LaunchSpec both = spec({"/bin/sh", "-c", "echo out; echo error >&2"});
  EXPECT_EQ(said(both), "out\nerror\n");
  both.error = folder_ / "error";
  EXPECT_EQ(said(both), "out\n");
  EXPECT_EQ(base::read_file(both.error).value(), "error\nerror\n");  // of two runs, appended
}

TEST_F(Launch, AFolderThatIsNotThereIsNamed) {
  LaunchSpec lost = spec({"/bin/true"});
  lost.cwd = folder_ / "none";
  const auto launched = launch(lost, &filter_, -1);
  ASSERT_FALSE(launched);
  EXPECT_THAT(launched.error().message, HasSubstr(lost.cwd.native()));
}

TEST_F(Launch, SignalsThatTheLauncherIgnoresOrBlocksAreNotForTheProgram) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  const auto handler = signal(SIGUSR1, SIG_IGN);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  EXPECT_EQ(said(spec({"/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"})),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, &before, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR2), 1);
  EXPECT_EQ(signal(SIGUSR1, handler), SIG_IGN);
}

TEST_F(Launch, DescriptorsOfTheLauncherStayItsOwn) {
  const int kept = open("/dev/null", O_RDONLY);  // NOLINT: inheritable on purpose
  const std::string listing = said(spec({"/bin/ls", "/proc/self/fd"}));
  EXPECT_EQ(listing, "0\n1\n2\n3\n");  // the last one is that of the listing
  EXPECT_EQ(fcntl(kept, F_GETFD), 0);
  close(kept);
}

TEST_F(Launch, ThoseThatWaitAtTheSameTimeEachGetTheirOwnArguments) {
  std::vector<Launched> waiting;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(start(spec({"/bin/echo", std::to_string(i)})));
    expected += std::to_string(i) + "\n";
  }
  for (const Launched& launched : waiting) EXPECT_EQ(finish(launched), 0);
  EXPECT_EQ(base::read_file(folder_ / "out").value(), expected);
}

TEST_F(Launch, WhoIsNeverAnsweredEndsWithTheListener) {
  Launched launched = start(spec({"/bin/true"}));
  launched.listener.reset();
  EXPECT_EQ(reap(launched.pid), 127);
  EXPECT_EQ(finish(start(spec({"/bin/true"}))), 0);
}

}  // namespace
}  // namespace stress
