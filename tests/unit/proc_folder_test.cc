// Goal: what lies in a folder of /proc is read as it is, and what is gone as empty. Method: this
// process's own folders, and one that nobody has.
#include "harness/supervise/proc_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>

#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProcFolder, ItsNumbersAreThereAtEachLook) {
  const ProcFolder open_files("/proc/self/fd");
  base::UniqueFd file(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const int number = file.get();
  EXPECT_THAT(open_files.numbers(), Contains(number));
  EXPECT_EQ(link_at(open_files.fd(), std::to_string(number).c_str()), "/dev/zero");
  file.reset();
  EXPECT_THAT(open_files.numbers(), Not(Contains(number)));
  EXPECT_EQ(link_at(open_files.fd(), std::to_string(number).c_str()), "");
}

TEST(ProcFolder, NamesThatAreNoNumbersAreNone) {
  const ProcFolder self("/proc/self");
  EXPECT_THAT(self.numbers(), IsEmpty());
  EXPECT_THAT(text_at(self.fd(), "status"), StartsWith("Name:"));
}

TEST(ProcFolder, ATextLongerThanOneReadIsRead) {
  const std::string maps = text_at(AT_FDCWD, "/proc/self/smaps");
  EXPECT_GT(maps.size(), 8192u);
  EXPECT_THAT(maps, EndsWith("\n"));
}

TEST(ProcFolder, WhatIsGoneReadsAsEmpty) {
  const ProcFolder nobody("/proc/4194305/fd");  // numbers end below
  EXPECT_EQ(nobody.fd(), -1);
  EXPECT_THAT(nobody.numbers(), IsEmpty());
  EXPECT_EQ(link_at(nobody.fd(), "0"), "");
  EXPECT_EQ(text_at(nobody.fd(), "status"), "");
}

}  // namespace
}  // namespace stress
