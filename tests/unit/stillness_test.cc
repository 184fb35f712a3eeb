// Goal: a task counts as asleep where it has not run since the last look, and as nothing else.
// Method: children of this process that answer each byte with one.
#include "harness/schedule/stillness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <ostream>

#include <gtest/gtest.h>

#include "orchestrator/base/unique_fd.h"
#include "tests/support/child_process.h"

namespace stress {

static void PrintTo(Sign sign, std::ostream* out) {
  *out << (sign == Sign::kTurns ? "turns" : "switches");
}

namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

ScheduledTask task_of(pid_t pid) {
  ScheduledTask task;
  task.tid = task.pid = pid;
  return task;
}

/// By each sign, so that it makes no difference which of them the kernel has.
class Stillness : public ::testing::TestWithParam<Sign> {
 protected:
  static Motion look(ScheduledTask& task) { return look_at(task, GetParam()); }
  /// Until it is asleep: only a hang could keep it from that.
  static void look_until_it_sleeps(ScheduledTask& task) {
    while (look(task) != Motion::kSleeps) sched_yield();
  }
};

INSTANTIATE_TEST_SUITE_P(By, Stillness, ::testing::Values(Sign::kTurns, Sign::kSwitches));

TEST_P(Stillness, WhoHasRunSinceTheLastLookIsNotTakenForAsleep) {
  const Pipe to;
  const Pipe from;
  const tests::ChildProcess child([&] {
    char byte = 0;
    while (read(to.ends[0], &byte, 1) == 1 && write(from.ends[1], &byte, 1) == 1) continue;
    return 0;
  });
  ScheduledTask task = task_of(child.pid());
  for (int i = 0; i < 100; ++i) {
    look_until_it_sleeps(task);
    char byte = 'x';
    ASSERT_EQ(write(to.ends[1], &byte, 1), 1);
    ASSERT_EQ(read(from.ends[0], &byte, 1), 1);
    ASSERT_NE(look(task), Motion::kSleeps) << i;
  }
}

TEST_P(Stillness, WhoIsAlwaysOnTheProcessorMoves) {
  const tests::ChildProcess child([parent = getpid()] {
    while (getppid() == parent) continue;
    return 0;
  });
  ScheduledTask task = task_of(child.pid());
  for (int i = 0; i < 100; ++i) {
    task.look = "as it looked when it slept";
    ASSERT_EQ(look(task), Motion::kMoves);
    ASSERT_EQ(task.look, "");
  }
}

TEST_P(Stillness, TheDeadAreGoneCollectedOrNot) {
  tests::ChildProcess child([] { return 0; });
  const base::UniqueFd death(static_cast<int>(syscall(SYS_pidfd_open, child.pid(), 0)));
  pollfd dead{death.get(), POLLIN, 0};
  ASSERT_EQ(poll(&dead, 1, -1), 1);
  ScheduledTask task = task_of(child.pid());
  task.look = "as it looked when it slept";
  EXPECT_EQ(look(task), Motion::kGone);
  child.wait();
  EXPECT_EQ(look(task), Motion::kGone);
}

}  // namespace
}  // namespace stress
