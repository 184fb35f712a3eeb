#include "orchestrator/base/file_io.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace base {
namespace {

std::size_t entries_in(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(ReadFile, ReadsWholeFilesAlsoThoseThatClaimToBeEmpty) {
  const tests::TempFolder folder;
  const std::string content(300'000, 'x');
  ASSERT_TRUE(replace_file(folder / "f", content));
  EXPECT_EQ(read_file(folder / "f").value(), content);
  EXPECT_FALSE(read_file("/proc/self/stat").value().empty());
}

TEST(ReadFile, SaysNotFoundOnlyWhenThereIsNoFile) {
  const tests::TempFolder folder;
  EXPECT_EQ(read_file(folder / "missing").error().code, Errc::kNotFound);
  EXPECT_EQ(read_file(folder.path()).error().code, Errc::kIo);
}

TEST(ReplaceFile, SetsExactlyTheModeWhateverTheUmask) {
  const tests::TempFolder folder;
  const mode_t before = ::umask(077);
  const auto replaced = replace_file(folder / "f", "x", 0644);
  ::umask(before);
  ASSERT_TRUE(replaced) << replaced.error().message;
  struct stat status{};
  ASSERT_EQ(::stat((folder / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST(ReplaceFile, AMissingFolderIsAnErrorOfTheWriteAndNamesIt) {
  const tests::TempFolder folder;
  const auto replaced = replace_file(folder / "no" / "f", "x");
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, Errc::kIo);
  EXPECT_NE(replaced.error().message.find("no/f"), std::string::npos) << replaced.error().message;
}

// A limit on the file's size makes write(2) short first and then fail, as a full disk does.
TEST(ReplaceFile, LeavesTheOldFileAndNoOtherWhenTheDiskIsFull) {
  const tests::TempFolder folder;
  ASSERT_TRUE(replace_file(folder / "f", "old"));
  tests::ChildProcess child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 5000, .rlim_max = 5000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const auto replaced = replace_file(folder / "f", std::string(10'000, 'x'));
    return !replaced && replaced.error().code == Errc::kIo ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(read_file(folder / "f").value(), "old");
  EXPECT_EQ(entries_in(folder.path()), 1U);
}

TEST(PendingFile, RollsBackUnlessPublished) {
  const tests::TempFolder folder;
  {
    const auto pending = PendingFile::write(folder / "f", "x");
  }
  EXPECT_EQ(entries_in(folder.path()), 0U);
}

TEST(PendingFile, WritesMoreAndEmptierPiecesThanOneCallTakes) {
  const tests::TempFolder folder;
  std::vector<std::string_view> pieces(3000, "ab");
  pieces[0] = "";
  pieces[1500] = "";
  auto pending = PendingFile::write(folder / "f", pieces);
  ASSERT_TRUE(pending) << pending.error().message;
  ASSERT_TRUE(pending->commit());
  EXPECT_EQ(read_file(folder / "f").value().size(), 2U * 2998U);
}

}  // namespace
}  // namespace base
