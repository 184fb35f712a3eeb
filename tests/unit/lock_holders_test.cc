// Goal: who has a lock is known, however he came by it, and when he has lost it. Method: children
// of this process that take locks of real files.
#include "harness/schedule/lock_holders.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>

#include "orchestrator/base/unique_fd.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LockHoldersTest : public ::testing::Test {
 protected:
  LockHoldersTest() {
    struct stat about{};
    EXPECT_EQ(fstat(file_.get(), &about), 0);
    key_ = {about.st_dev, about.st_ino};
    maker_ = &tasks_.add_root("A", 0, getpid());
    heir_ = &tasks_.add_root("B", 1, child_.pid());
  }
  tests::TempFolder folder_;
  base::UniqueFd file_{open((folder_.path() / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  tests::ChildProcess child_{[] { return pause(); }};  // with file_
  LockKey key_;
  TaskTable tasks_;
  ScheduledTask* maker_ = nullptr;
  ScheduledTask* heir_ = nullptr;
  LockHolders holders_;
};

TEST_F(LockHoldersTest, NobodyIsAskedWhoHasNotAskedForALock) {
  ASSERT_EQ(flock(file_.get(), LOCK_EX), 0);
  EXPECT_THAT(holders_.look(tasks_), IsEmpty());
  EXPECT_FALSE(holders_.any());
  holders_.asks("A", key_);
  EXPECT_THAT(holders_.look(tasks_), IsEmpty());
  EXPECT_THAT(holders_.held_by("A"), ElementsAre(key_));
  EXPECT_THAT(holders_.held_by("B"), IsEmpty());
  EXPECT_TRUE(holders_.any());
}

TEST_F(LockHoldersTest, LocksAreNumberedInTheOrderInWhichTheyAreAskedFor) {
  const LockKey other{key_.dev, key_.ino - 1};
  EXPECT_EQ(holders_.number_of(key_), 0u);
  holders_.asks("A", key_);
  holders_.asks("B", other);
  holders_.asks("B", key_);
  EXPECT_EQ(holders_.number_of(key_), 1u);
  EXPECT_EQ(holders_.number_of(other), 2u);
}

TEST_F(LockHoldersTest, AnHeirHasTheLockToo) {
  heir_->operation = "A";
  ASSERT_EQ(flock(file_.get(), LOCK_EX), 0);
  holders_.asks("A", key_);
  (void)holders_.look(tasks_);
  EXPECT_THAT(holders_.held_within("A"), ElementsAre(key_));
  EXPECT_TRUE(holders_.shares("A", {key_}));
  EXPECT_FALSE(holders_.shares("A", {}));
}

TEST_F(LockHoldersTest, WhatIsClosedIsLostOnceNobodyHasIt) {
  heir_->operation = "A";
  ASSERT_EQ(flock(file_.get(), LOCK_EX), 0);
  holders_.asks("A", key_);
  (void)holders_.look(tasks_);
  file_.reset();
  EXPECT_THAT(holders_.look(tasks_), IsEmpty());
  ASSERT_EQ(kill(child_.pid(), SIGKILL), 0);
  siginfo_t about{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child_.pid()), &about, WEXITED | WNOWAIT), 0);
  tasks_.bury(*heir_);
  const std::vector<LockHolders::Loss> losses = holders_.look(tasks_);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].task, "A");
  EXPECT_THAT(losses[0].files, ElementsAre(key_));
  EXPECT_FALSE(holders_.any());
}

TEST_F(LockHoldersTest, WhatTheDeadHadIsKnownUntilTheNextLookAndNoLossOfTheLiving) {
  ASSERT_EQ(flock(file_.get(), LOCK_EX), 0);
  holders_.asks("A", key_);
  (void)holders_.look(tasks_);
  tasks_.bury(*maker_);
  EXPECT_THAT(holders_.held_by("A"), ElementsAre(key_));
  EXPECT_THAT(holders_.look(tasks_), IsEmpty());
  EXPECT_THAT(holders_.held_by("A"), IsEmpty());
}

TEST_F(LockHoldersTest, WhoWaitsInTheKernelIsAskedUntilHeHasIt) {
  holders_.asks("A", key_);
  maker_->waits = true;
  (void)holders_.look(tasks_);
  EXPECT_FALSE(holders_.any());
  ASSERT_EQ(flock(file_.get(), LOCK_EX), 0);
  (void)holders_.look(tasks_);
  EXPECT_THAT(holders_.held_by("A"), ElementsAre(key_));
}

}  // namespace
}  // namespace stress
