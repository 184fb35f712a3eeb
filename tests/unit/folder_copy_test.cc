// Goal: a folder that is put back from a copy is what it was, and whoever was in it is in it still.
#include "harness/explore/folder_copy.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "orchestrator/base/subprocess.h"
#include "orchestrator/base/unique_fd.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

class FolderCopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(place_ / "sub");
    write("lock", "");
    write("sub/file", "old");
    ASSERT_TRUE(copy_folder(place_, copy_));
  }
  void write(const fs::path& name, const std::string& text) const {
    std::ofstream(place_ / name) << text;
  }
  [[nodiscard]] std::string content(const fs::path& name) const {
    std::ostringstream text;
    text << std::ifstream(place_ / name).rdbuf();
    return text.str();
  }
  [[nodiscard]] ino_t inode(const fs::path& name) const {
    struct stat file{};
    return ::lstat((place_ / name).c_str(), &file) == 0 ? file.st_ino : 0;
  }
  void put_back() const {
    const base::Status done = copy_folder(copy_, place_);
    ASSERT_TRUE(done) << done.error().message;
  }

  tests::TempFolder folder_;
  fs::path place_ = folder_ / "place";
  fs::path copy_ = folder_ / "copy";
};

TEST_F(FolderCopyTest, PutsBackWhatWasChangedRemovedAndMade) {
  write("sub/file", "longer than before");
  fs::permissions(place_ / "sub/file", fs::perms::owner_read);
  fs::permissions(place_ / "sub", fs::perms::owner_all);
  fs::remove(place_ / "lock");
  fs::create_directory(place_ / "lock");
  fs::create_directories(place_ / "new/folder");
  fs::create_symlink("nowhere", place_ / "sub/link");
  put_back();
  EXPECT_EQ(content("sub/file"), "old");
  EXPECT_EQ(fs::status(place_ / "sub/file").permissions(),
            fs::status(copy_ / "sub/file").permissions());
  EXPECT_EQ(fs::status(place_ / "sub").permissions(), fs::status(copy_ / "sub").permissions());
  EXPECT_TRUE(fs::is_regular_file(place_ / "lock"));
  EXPECT_FALSE(fs::exists(place_ / "new"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(place_ / "sub/link")));
}

// A prepared agent lives in the workspace, and may hold a lock there.
TEST_F(FolderCopyTest, WhoIsInAFolderOrHoldsALockThereDoesSoStill) {
  const ino_t folder = inode("sub");
  const base::UniqueFd inside(::open((place_ / "sub").c_str(), O_RDONLY | O_CLOEXEC));
  const base::UniqueFd held(::open((place_ / "lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  write("sub/file", "new");
  put_back();
  EXPECT_EQ(inode("sub"), folder);
  const base::UniqueFd other(::open((place_ / "lock").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_NE(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(FolderCopyTest, NamesOfOneFileAreSoAgainAndOthersAreNot) {
  write("a", "one");
  fs::create_hard_link(place_ / "a", place_ / "b");
  write("c", "three");
  ASSERT_TRUE(copy_folder(place_, copy_));
  fs::remove(place_ / "a");
  write("a", "1");
  fs::remove(place_ / "c");
  fs::create_hard_link(place_ / "b", place_ / "c");
  put_back();
  EXPECT_EQ(content("a"), "one");
  EXPECT_EQ(inode("a"), inode("b"));
  EXPECT_EQ(content("c"), "three");
  EXPECT_NE(inode("c"), inode("a"));
}

TEST_F(FolderCopyTest, AProgramThatRunsIsReplaced) {
  const fs::path program = place_ / "program";
  fs::copy_file("/bin/cat", program);
  ASSERT_TRUE(copy_folder(place_, copy_));
  const ino_t before = inode("program");
  auto running = base::start_piped({.argv = {program.string()}}, {});
  ASSERT_TRUE(running) << running.error().message;
  put_back();
  EXPECT_NE(inode("program"), before);
  EXPECT_EQ(fs::file_size(program), fs::file_size(copy_ / "program"));
  running->in.reset();
  EXPECT_EQ(::waitpid(running->pid, nullptr, 0), running->pid);
}

}  // namespace
}  // namespace stress
