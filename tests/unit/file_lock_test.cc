#include "orchestrator/base/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "orchestrator/base/clock.h"
#include "tests/support/child_process.h"
#include "tests/support/lock_waiters.h"
#include "tests/support/temp_folder.h"

namespace base {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kGenerous{30'000};

TEST(FileLock, OneHolderAtATimeAmongThreadsAndProcesses) {
  const tests::TempFolder folder;
  const auto path = folder / "lock";
  const auto counter = folder / "counter";
  std::ofstream(counter) << 0;
  constexpr int kProcesses = 4;
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  const auto count_up = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const auto lock = FileLock::acquire(path, kGenerous);
      if (!lock) return false;
      int value = 0;
      std::ifstream(counter) >> value;
      std::ofstream(counter) << value + 1;
    }
    return true;
  };
  std::vector<tests::ChildProcess> children;
  children.reserve(kProcesses);
  for (int i = 0; i < kProcesses; ++i) {
    children.emplace_back([&] {
      std::atomic<bool> good = true;
      std::vector<std::jthread> threads;
      threads.reserve(kThreads);
      for (int k = 0; k < kThreads; ++k) {
        threads.emplace_back([&] {
          if (!count_up()) good = false;
        });
      }
      threads.clear();
      return good ? 0 : 1;
    });
  }
  for (auto& child : children) EXPECT_EQ(child.wait(), 0);
  int value = 0;
  std::ifstream(counter) >> value;
  EXPECT_EQ(value, kProcesses * kThreads * kRounds);
}

TEST(FileLock, GivesUpAtItsDeadlineAlsoWhereTheWakingSignalIsBlocked) {
  const tests::TempFolder folder;
  const auto held = FileLock::acquire(folder / "lock", kGenerous);
  ASSERT_TRUE(held);
  Status seen;
  sigset_t after;
  std::jthread([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    const auto lock = FileLock::acquire(folder / "lock", milliseconds(150));
    if (!lock) seen = std::unexpected(lock.error());
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
  }).join();
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, Errc::kTimeout);
  EXPECT_EQ(sigismember(&after, SIGRTMIN + 7), 1) << "the thread's mask has to come back";
}

TEST(FileLock, DiesWithItsHolder) {
  const tests::TempFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  tests::ChildProcess holder([&] {
    const auto lock = FileLock::acquire(folder / "lock", kGenerous);
    if (::write(ready[1], "x", 1) != 1) return 1;
    ::pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  holder.kill(SIGKILL);
  EXPECT_TRUE(FileLock::acquire(folder / "lock", kGenerous));
}

TEST(FileLock, AWaiterTakesTheNewFileWhenTheLockWasDeletedWhileHeld) {
  const tests::TempFolder folder;
  const auto path = folder / "lock";
  auto first = FileLock::acquire(path, kGenerous);
  ASSERT_TRUE(first);
  tests::ChildProcess waiter([&] {
    const auto lock = FileLock::acquire(path, kGenerous);
    // Whoever asks now has to see this holder, not the deleted file.
    return lock && lock->is_current() ? 0 : 1;
  });
  ASSERT_TRUE(tests::wait_until_it_waits(waiter.pid()));
  std::filesystem::remove(path);
  EXPECT_FALSE(first->is_current());
  first->release();
  EXPECT_EQ(waiter.wait(), 0);
}

TEST(FileLock, HoldsTheTurnstileUntilItCallsTheNext) {
  const tests::TempFolder folder;
  const UniqueFd turnstile(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto is_free = [&] {
    const bool got = ::flock(turnstile.get(), LOCK_EX | LOCK_NB) == 0;
    if (got) ::flock(turnstile.get(), LOCK_UN);
    return got;
  };
  auto lock = FileLock::acquire(folder / "lock", kGenerous);
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_FALSE(is_free());
  lock->call_next();
  EXPECT_TRUE(is_free());
  lock->release();
  lock = FileLock::acquire(folder / "lock", kGenerous);
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_FALSE(is_free());
  lock->release();
  EXPECT_TRUE(is_free());
}

TEST(FileLock, AStoppedWaiterKeepsNobodyOut) {
  const tests::TempFolder folder;
  auto held = FileLock::acquire(folder / "lock", kGenerous);
  ASSERT_TRUE(held);
  tests::ChildProcess waiter([&] { return FileLock::acquire(folder / "lock", kGenerous) ? 0 : 1; });
  ASSERT_TRUE(tests::wait_until_it_waits(waiter.pid()));
  waiter.kill(SIGSTOP);
  int status = 0;
  // Released any sooner it might still take the lock, and stop as its holder.
  ASSERT_EQ(::waitpid(waiter.pid(), &status, WUNTRACED), waiter.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  held->release();
  for (int i = 0; i < 3; ++i) {
    const auto lock = FileLock::acquire(folder / "lock", kGenerous);
    EXPECT_TRUE(lock) << lock.error().message;
  }
  waiter.kill(SIGCONT);
  EXPECT_EQ(waiter.wait(), 0);
}

TEST(FileLock, OfSeveralWhicheverIsFreeIsTaken) {
  const tests::TempFolder folder;
  const std::vector<std::filesystem::path> places = {folder / "a", folder / "b"};
  const auto take = [&](milliseconds timeout) { return FileLock::acquire_any(places, timeout); };
  auto first = take(kGenerous);
  auto second = take(kGenerous);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(take(milliseconds(30)).error().code, Errc::kTimeout);
  second->release();
  auto third = take(kGenerous);
  EXPECT_TRUE(third) << third.error().message;
  first->release();
  EXPECT_TRUE(take(kGenerous));
}

TEST(FileLock, OfSeveralThatOfTheDeadIsFree) {
  const tests::TempFolder folder;
  const std::vector<std::filesystem::path> places = {folder / "a", folder / "b"};
  const auto held = FileLock::acquire_any(places, kGenerous);
  tests::ChildProcess holder([&] {
    const auto other = FileLock::acquire_any(places, kGenerous);
    if (!other) return 1;
    // Nobody ever lets go of the first one: waits until it is killed.
    return FileLock::acquire_any(places, kGenerous) ? 2 : 3;
  });
  ASSERT_TRUE(tests::wait_until_it_waits(holder.pid()));
  holder.kill(SIGKILL);
  EXPECT_TRUE(FileLock::acquire_any(places, kGenerous));
}

TEST(FileLock, IsNotInheritedByPrograms) {
  const tests::TempFolder folder;
  const auto lock = FileLock::acquire(folder / "lock", kGenerous);
  ASSERT_TRUE(lock);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != folder / "lock") continue;
    const int fd = std::stoi(entry.path().filename().string());
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(FileLock, CreatesTheFileOnlyWhereAskedTo) {
  const tests::TempFolder folder;
  EXPECT_EQ(FileLock::acquire_existing(folder / "lock", kGenerous).error().code, Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder / "lock"));
  EXPECT_TRUE(FileLock::acquire(folder / "lock", kGenerous));
  EXPECT_TRUE(FileLock::acquire_existing(folder / "lock", kGenerous));
  EXPECT_EQ(FileLock::acquire(folder / "no" / "lock", kGenerous).error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace base
