// Goal: a room is apart from the machine, and ends with whoever asked for it; its disk is full when
// it says so, for every call. Method: each body is tried in a room; its failures are its exit code.
#include "harness/supervise/room.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/campaign/disk.h"
#include "harness/campaign/strangers.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/unique_fd.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

class RoomTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto tried = run_in_room(calm_, [] { return 0; });
    if (!tried) GTEST_SKIP() << tried.error().message;
  }
  /// The exit code of `body`, or 99 where an expectation in it failed.
  static int in_a_room(const std::function<int()>& body) {
    const auto code = run_in_room(calm_, [&] {
      const int result = body();
      std::fflush(stdout);
      return ::testing::Test::HasFailure() ? 99 : result;
    });
    return code ? *code : -1;
  }
  static inline std::atomic<bool> calm_{false};
  tests::TempFolder folder_;
};

TEST_F(RoomTest, HasItsOwnNumbersAndTheSameUserAndPassesTheCodeOn) {
  const auto outside = base::identify(::getpid());
  ASSERT_TRUE(outside);
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  const int code = in_a_room([&] {
    EXPECT_TRUE(in_room());
    EXPECT_EQ(fs::read_symlink("/proc/self"), std::to_string(::getpid()));
    EXPECT_NE(base::self_identity().pid_namespace, outside->pid_namespace);
    EXPECT_FALSE(fs::exists("/proc/" + std::to_string(outside->pid)) &&
                 base::identify(outside->pid)->start_ticks == outside->start_ticks);
    EXPECT_EQ(::geteuid(), user);
    EXPECT_EQ(::getegid(), group);
    return 7;
  });
  EXPECT_EQ(code, 7);
  EXPECT_FALSE(in_room());
  EXPECT_EQ(fs::read_symlink("/proc/self"), std::to_string(::getpid()));
}

TEST_F(RoomTest, TellsByWhichSignalItsBodyEnded) {
  EXPECT_EQ(in_a_room([]() -> int { return ::raise(SIGKILL); }), 128 + SIGKILL);
}

TEST_F(RoomTest, TellsItsBodyWhenTheCallerIsInterrupted) {
  const std::atomic<bool> interrupted{true};
  const auto code = run_in_room(interrupted, []() -> int {
    for (;;) ::pause();
  });
  ASSERT_TRUE(code) << code.error().message;
  EXPECT_EQ(*code, 128 + SIGTERM);
}

TEST_F(RoomTest, EndsWithAllThatIsInItWhenTheCallerIsKilled) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);
  tests::ChildProcess caller([&]() -> int {
    const auto code = run_in_room(calm_, [&]() -> int {
      // A daemon, too, holds the pipe open.
      if (::fork() == 0) ::setsid();
      [[maybe_unused]] const auto told = ::write(write_end.get(), "x", 1);
      for (;;) ::pause();
    });
    return code ? *code : 1;
  });
  write_end.reset();
  std::array<char, 2> words{};
  ASSERT_EQ(::read(read_end.get(), words.data(), 1), 1);
  ASSERT_EQ(::read(read_end.get(), words.data(), 1), 1);
  caller.kill(SIGKILL);
  EXPECT_EQ(caller.wait(), 128 + SIGKILL);
  EXPECT_EQ(::read(read_end.get(), words.data(), 1), 0) << "somebody in the room lives on";
}

base::UniqueFd open_file(const fs::path& path) {
  return base::UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

TEST_F(RoomTest, ItsDiskIsFullForEveryCallAndThenHasRoomAgain) {
  const fs::path outside = folder_ / "outside";
  ASSERT_TRUE(base::replace_file(outside, std::string(100'000, 'x')));
  const int code = in_a_room([&] {
    auto disk = Disk::mount(folder_ / "disk");
    EXPECT_TRUE(disk) << disk.error().message;
    if (!disk) return 1;
    EXPECT_TRUE(base::replace_file(folder_ / "disk" / "other", "takes a page"));
    const std::string page(4096, 'p');
    const base::UniqueFd file = open_file(folder_ / "disk" / "file");
    EXPECT_EQ(::write(file.get(), page.data(), page.size()), 4096);
    EXPECT_TRUE(disk->fill(0));
    EXPECT_EQ(::write(file.get(), page.data(), page.size()), -1);
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_EQ(::posix_fallocate(file.get(), 4096, 4096), ENOSPC);
    const base::UniqueFd source(::open(outside.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::sendfile(file.get(), source.get(), nullptr, 4096), -1);
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_TRUE(disk->fill(8192));
    EXPECT_EQ(::write(file.get(), page.data(), page.size()), 4096);
    EXPECT_TRUE(disk->fill(0));
    EXPECT_EQ(::ftruncate(file.get(), 0), 0);
    EXPECT_TRUE(disk->fill(0)) << "what has become free is not to be had";
    EXPECT_EQ(::pwrite(file.get(), page.data(), page.size(), 0), -1);
    EXPECT_TRUE(disk->empty());
    EXPECT_EQ(::pwrite(file.get(), page.data(), page.size(), 0), 4096);
    return 0;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(RoomTest, WhatWasOnItsDiskStaysWithItsFolder) {
  const int code = in_a_room([&] {
    auto disk = Disk::mount(folder_ / "disk");
    EXPECT_TRUE(disk) << disk.error().message;
    if (!disk) return 1;
    fs::create_directory(folder_ / "disk" / "sub");
    EXPECT_TRUE(base::replace_file(folder_ / "disk" / "sub" / "file", "kept", 0640));
    fs::create_symlink("sub/file", folder_ / "disk" / "link");
    EXPECT_EQ(::mkfifo((folder_ / "disk" / "pipe").c_str(), 0600), 0);
    const base::Status home = disk->bring_home();
    EXPECT_TRUE(home) << home.error().message;
    EXPECT_TRUE(disk->bring_home());
    return 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(base::read_file(folder_ / "disk" / "link").value_or(""), "kept");
  EXPECT_EQ(fs::status(folder_ / "disk" / "sub" / "file").permissions(), fs::perms{0640});
  EXPECT_FALSE(fs::exists(folder_ / "disk" / "pipe"));
  EXPECT_FALSE(fs::exists(folder_ / "disk.kept"));
}

TEST_F(RoomTest, NobodyElseSeesItsDiskAndWithoutARoomThereIsNone) {
  const int code = in_a_room([&] {
    auto disk = Disk::mount(folder_ / "disk");
    EXPECT_TRUE(base::replace_file(folder_ / "disk" / "file", "secret"));
    ::_exit(3);  // as one that was killed
    return 0;
  });
  EXPECT_EQ(code, 3);
  EXPECT_TRUE(fs::is_empty(folder_ / "disk"));
  EXPECT_EQ(Disk::mount(folder_ / "other").error().code, base::Errc::kUnavailable);
  EXPECT_FALSE(fs::exists(folder_ / "other"));
}

TEST_F(RoomTest, GivesTheNumberOfADeadProcessToAStrangerAndTellsWhetherItLives) {
  const int code = in_a_room([] {
    tests::ChildProcess dead([] { return 0; });
    const pid_t number = dead.pid();
    Strangers strangers;
    siginfo_t end{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(number), &end, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(strangers.start(number, "a-1").error().code, base::Errc::kExists) << "not reaped";
    dead.wait();
    const base::Status started = strangers.start(number, "a-1");
    EXPECT_TRUE(started) << started.error().message;
    EXPECT_EQ(::getpgid(number), number);
    EXPECT_EQ(::getsid(number), number);
    Collector unharmed;
    strangers.compare(unharmed);
    ::kill(-number, SIGKILL);
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(number), &end, WEXITED | WNOWAIT), 0);
    Collector harmed;
    strangers.compare(harmed);
    const auto bystander = [](Collector& collector) {
      return collector.with([](const Evidence& evidence) { return evidence.bystanders.at(0); });
    };
    EXPECT_EQ(bystander(unharmed).before, bystander(unharmed).after);
    EXPECT_EQ(bystander(harmed).after, "dead");
    strangers.end();
    EXPECT_EQ(::kill(number, 0), -1);
    return 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(Strangers().start(1, "nobody").error().code, base::Errc::kUnavailable);
}

}  // namespace
}  // namespace stress
