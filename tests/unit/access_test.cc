// Goal: calls whose order could matter conflict, and calls that have nothing to do with each other
// do not. Method: made-up calls on real files in a temporary folder; descriptors are this process's
// own.
#include "harness/schedule/access.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "orchestrator/base/unique_fd.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() {
    for (const char* name : {"file", "other"}) std::ofstream(path(name)) << "x";
    std::filesystem::create_hard_link(path("file"), path("link"));
    std::filesystem::create_directory(path("folder"));
    std::filesystem::create_directory(path("elsewhere"));
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return name == "." ? folder_.path() : folder_ / name;
  }

  [[nodiscard]] Op by_name(Sys sys, const std::string& name, const std::string& name2 = "") const {
    Op op;
    op.sys = sys;
    op.tid = op.pid = getpid();
    op.path = path(name);
    if (!name2.empty()) op.path2 = path(name2);
    return op;
  }
  [[nodiscard]] Op open_of(const std::string& name, int flags) const {
    Op op = by_name(Sys::kOpen, name);
    op.flags = flags;
    return op;
  }
  /// By a descriptor that stays open.
  Op by_fd(Sys sys, const std::string& name) {
    fds_.emplace_back(open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(fds_.back().valid());
    Op op = by_name(sys, name);
    op.fd = fds_.back().get();
    return op;
  }
  [[nodiscard]] Op listing(const std::string& name) const {
    Op op = by_name(Sys::kLook, name);
    op.folder = true;
    return op;
  }
  static bool meet(const Op& one, const Op& other) {
    const bool both = conflict(accesses_of(one), accesses_of(other));
    EXPECT_EQ(both, conflict(accesses_of(other), accesses_of(one)));
    return both;
  }

  tests::TempFolder folder_;
  std::vector<base::UniqueFd> fds_;
};

TEST_F(AccessTest, WhatChangesAContentConflictsWithWhatReadsIt) {
  const Op read = by_fd(Sys::kRead, "file");
  for (const Sys sys : {Sys::kWrite, Sys::kTruncate}) {
    EXPECT_TRUE(meet(by_fd(sys, "file"), read));
    EXPECT_TRUE(meet(by_fd(sys, "file"), by_fd(sys, "file")));
    EXPECT_FALSE(meet(by_fd(sys, "other"), read));
  }
  EXPECT_FALSE(meet(read, by_fd(Sys::kRead, "file")));
  EXPECT_TRUE(meet(by_name(Sys::kTruncate, "file"), read));
  EXPECT_TRUE(meet(open_of("file", O_WRONLY | O_TRUNC), read));
}

TEST_F(AccessTest, AContentIsOneUnderAllItsNames) {
  EXPECT_TRUE(meet(by_fd(Sys::kWrite, "link"), by_fd(Sys::kRead, "file")));
  EXPECT_TRUE(meet(by_fd(Sys::kWrite, "link"), by_name(Sys::kLook, "file")));
  EXPECT_TRUE(meet(open_of("link", O_RDWR | O_TRUNC), by_fd(Sys::kRead, "file")));
}

TEST_F(AccessTest, AFileThatWasReplacedIsAnotherThanTheOneOfItsName) {
  const Op old = by_fd(Sys::kRead, "file");
  std::filesystem::rename(path("other"), path("file"));
  EXPECT_FALSE(meet(old, by_fd(Sys::kWrite, "file")));
}

// File systems give the number of an inode again at once.
TEST_F(AccessTest, AFileIsAnotherThanOneThatWasDeletedThoughItHasItsNumber) {
  struct stat before{};
  struct stat after{};
  ASSERT_EQ(stat(path("other").c_str(), &before), 0);
  const std::vector<Access> deleted = accesses_of(by_name(Sys::kTruncate, "other"));
  std::filesystem::remove(path("other"));
  std::ofstream(path("new")) << "x";
  ASSERT_EQ(stat(path("new").c_str(), &after), 0);
  if (before.st_ino != after.st_ino) GTEST_SKIP() << "it has another number here";
  EXPECT_FALSE(conflict(deleted, accesses_of(by_name(Sys::kTruncate, "new"))));
}

TEST_F(AccessTest, WhatMakesANameConflictsWithWhoLooksForIt) {
  for (const Op& made : {open_of("new", O_CREAT | O_WRONLY), by_name(Sys::kRename, "file", "new"),
                         by_name(Sys::kLink, "file", "new"), by_name(Sys::kFolder, "new"),
                         by_name(Sys::kUnlink, "new")}) {
    EXPECT_TRUE(meet(made, open_of("new", O_RDONLY)));
    EXPECT_TRUE(meet(made, open_of("new", O_CREAT | O_EXCL | O_RDWR)));
    EXPECT_TRUE(meet(made, by_name(Sys::kLook, "new")));
    EXPECT_FALSE(meet(made, open_of("other", O_RDONLY)));
  }
  EXPECT_TRUE(meet(by_name(Sys::kRename, "file", "new"), open_of("file", O_RDONLY)));
}

TEST_F(AccessTest, ToOpenWhatIsThereMakesNoName) {
  EXPECT_FALSE(meet(open_of("file", O_CREAT | O_RDWR), open_of("file", O_CREAT | O_RDWR)));
  EXPECT_FALSE(meet(open_of("file", O_CREAT | O_RDWR), listing(".")));
  EXPECT_TRUE(meet(open_of("new", O_CREAT | O_RDWR), listing(".")));
  EXPECT_TRUE(meet(open_of("new", O_CREAT | O_RDWR), open_of("new", O_CREAT | O_RDWR)));
}

TEST_F(AccessTest, AListingConflictsWithWhatChangesTheNamesInItsFolderAlone) {
  Op list = listing("folder");
  EXPECT_TRUE(meet(list, open_of("folder/new", O_CREAT | O_WRONLY)));
  EXPECT_TRUE(meet(list, by_name(Sys::kUnlink, "folder/old")));
  EXPECT_TRUE(meet(list, by_name(Sys::kRename, "file", "folder/new")));
  EXPECT_TRUE(meet(list, by_name(Sys::kRename, "folder/old", "file")));
  EXPECT_TRUE(meet(list, by_name(Sys::kFolder, "folder/sub")));
  EXPECT_FALSE(meet(list, open_of("new", O_CREAT | O_WRONLY)));
  EXPECT_FALSE(meet(list, open_of("folder/sub/new", O_CREAT | O_WRONLY)));
  EXPECT_FALSE(meet(list, by_fd(Sys::kWrite, "file")));
  EXPECT_FALSE(meet(list, listing("folder")));
}

TEST_F(AccessTest, WhatChangesAFolderConflictsWithAllThatGoesThroughIt) {
  for (const Op& change : {by_name(Sys::kFolder, "folder"), by_name(Sys::kRename, "folder", "f2"),
                           by_name(Sys::kRename, "elsewhere", "folder")}) {
    EXPECT_TRUE(meet(change, open_of("folder/new", O_CREAT | O_WRONLY)));
    EXPECT_TRUE(meet(change, open_of("folder/sub/file", O_RDONLY)));
    EXPECT_TRUE(meet(change, by_name(Sys::kLook, "folder/file")));
    EXPECT_TRUE(meet(change, by_name(Sys::kUnlink, "folder/file")));
    EXPECT_FALSE(meet(change, open_of("file", O_RDONLY)));
  }
}

TEST_F(AccessTest, AFolderIsRemovedWhereItIsEmpty) {
  EXPECT_TRUE(meet(by_name(Sys::kFolder, "folder"), by_name(Sys::kUnlink, "folder/last")));
}

TEST_F(AccessTest, ALookAtADescriptorSeesHowManyNamesTheFileHasAndItsMode) {
  const Op look = by_fd(Sys::kLook, "file");
  EXPECT_TRUE(meet(look, by_name(Sys::kUnlink, "file")));
  EXPECT_TRUE(meet(look, by_name(Sys::kUnlink, "link")));
  EXPECT_TRUE(meet(look, by_name(Sys::kLink, "file", "third")));
  EXPECT_TRUE(meet(look, by_name(Sys::kRename, "other", "file")));
  EXPECT_TRUE(meet(look, by_name(Sys::kMode, "link")));
  EXPECT_FALSE(meet(look, by_name(Sys::kUnlink, "other")));
  EXPECT_FALSE(meet(by_fd(Sys::kRead, "file"), by_name(Sys::kUnlink, "file")));
}

TEST_F(AccessTest, AModeDecidesWhoMayOpen) {
  EXPECT_TRUE(meet(by_name(Sys::kMode, "file"), open_of("file", O_RDONLY)));
  EXPECT_TRUE(meet(by_fd(Sys::kMode, "file"), open_of("link", O_RDONLY)));
  EXPECT_TRUE(meet(by_name(Sys::kMode, "folder"), open_of("folder/file", O_RDONLY)));
  EXPECT_FALSE(meet(by_name(Sys::kMode, "file"), open_of("other", O_RDONLY)));
}

TEST_F(AccessTest, ALockIsOfItsFileHoweverThatIsNamed) {
  const Op lock = by_fd(Sys::kLock, "file");
  EXPECT_TRUE(meet(lock, by_fd(Sys::kLock, "link")));
  EXPECT_TRUE(meet(lock, by_fd(Sys::kUnlock, "link")));
  EXPECT_FALSE(meet(lock, by_fd(Sys::kLock, "other")));
  EXPECT_FALSE(meet(lock, by_fd(Sys::kWrite, "file")));
  EXPECT_EQ(lock_object(lock), lock_object(by_fd(Sys::kUnlock, "link")));
}

TEST_F(AccessTest, ADeathReleasesLocksAndIsSeenByWhoSendsSignals) {
  const Op lock = by_fd(Sys::kLock, "file");
  const auto death = accesses_of_death({lock_object(lock)});
  EXPECT_TRUE(conflict(death, accesses_of(lock)));
  EXPECT_TRUE(conflict(death, accesses_of(by_name(Sys::kSignal, ""))));
  EXPECT_TRUE(conflict(death, accesses_of_death({})));
  EXPECT_FALSE(conflict(death, accesses_of(by_fd(Sys::kLock, "other"))));
}

TEST_F(AccessTest, ThreadsOfOneProcessConflict) {
  EXPECT_TRUE(conflict({memory_of(1)}, {memory_of(1)}));
  EXPECT_FALSE(conflict({memory_of(1)}, {memory_of(2)}));
}

TEST_F(AccessTest, ACopyReadsWhatItCopies) {
  Op copy = by_fd(Sys::kWrite, "other");
  copy.number = SYS_copy_file_range;
  copy.arguments[0] = static_cast<std::uint64_t>(by_fd(Sys::kRead, "file").fd);
  EXPECT_TRUE(meet(copy, by_fd(Sys::kWrite, "file")));
  EXPECT_FALSE(meet(copy, by_fd(Sys::kRead, "file")));
  EXPECT_TRUE(meet(copy, by_fd(Sys::kRead, "other")));
}

TEST_F(AccessTest, AServerIsOneThingToAllThatTalkToIt) {
  EXPECT_TRUE(meet(by_name(Sys::kConnect, "socket"), by_name(Sys::kConnect, "socket")));
  EXPECT_FALSE(meet(by_name(Sys::kConnect, "socket"), by_name(Sys::kConnect, "another")));
}

TEST_F(AccessTest, SleepsConcernNobody) {
  EXPECT_TRUE(accesses_of(by_name(Sys::kSleep, "file")).empty());
}

TEST_F(AccessTest, WhatIsGoneIsKnownByItsNameOnly) {
  Op op = by_name(Sys::kRead, "file");
  op.fd = 100'000;
  EXPECT_TRUE(accesses_of(op).empty());
  EXPECT_TRUE(meet(by_name(Sys::kUnlink, "gone"), open_of("gone", O_RDONLY)));
}

}  // namespace
}  // namespace stress
