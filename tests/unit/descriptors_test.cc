// Goal: processes that may tell each other something unseen are known as joined, others are not;
// and what files they have in common. Method: pipes, sockets and files of this process, and of a
// child that keeps some of them.
#include "harness/schedule/descriptors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>

#include "harness/schedule/shared_files.h"
#include "orchestrator/base/unique_fd.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DescriptorsTest, ChannelsAreThePipesAndSocketsOfAProcess) {
  const Descriptors before = descriptors_of(getpid());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const base::UniqueFd in(ends[0]);
  const base::UniqueFd out(ends[1]);
  const base::UniqueFd file(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const Descriptors after = descriptors_of(getpid());
  EXPECT_EQ(after.channels.size(), before.channels.size() + 1) << "a pipe is one, a file none";
  EXPECT_TRUE(after.files.contains("/dev/zero"));
}

TEST(DescriptorsTest, ChannelsJoinWhoHasTheSamePipe) {
  EXPECT_TRUE(are_joined({"pipe:[1]", "pipe:[2]"}, {"pipe:[2]"}));
  EXPECT_FALSE(are_joined({"pipe:[1]"}, {"pipe:[2]"}));
  EXPECT_FALSE(are_joined({}, {"pipe:[2]"}));
}

TEST(DescriptorsTest, ChannelsJoinAnyTwoWithSocketsAsTheirEndsHaveDifferentNames) {
  EXPECT_TRUE(are_joined({"socket:[1]"}, {"socket:[2]"}));
  EXPECT_FALSE(are_joined({"socket:[1]"}, {"pipe:[2]"}));
}

/// As if it were stopped at its call of this number.
void stand(ScheduledTask& task, std::uint64_t call) {
  task.state = ScheduledTask::State::kParked;
  task.stopped.notification.id = call;
}

TEST(DescriptorsTest, AreLookedAtAgainOnlyWhereTheProcessMayHaveRun) {
  TaskTable tasks;
  ScheduledTask& self = tasks.add_root("A", 0, getpid());
  stand(self, 1);
  DescriptorTable table;
  const Descriptors before = table.of(self);
  const base::UniqueFd file(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(table.of(self), before) << "it stands before the same call";
  stand(self, 2);
  EXPECT_TRUE(table.of(self).files.contains("/dev/zero"));
}

TEST(DescriptorsTest, OfWhoIsGoneAreNone) { EXPECT_EQ(descriptors_of(1 << 22), Descriptors()); }

class SharedFilesTest : public ::testing::Test {
 protected:
  SharedFilesTest() {
    int status = 0;
    EXPECT_EQ(waitpid(child_.pid(), &status, WUNTRACED), child_.pid());
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  std::vector<std::string> look() { return shared_.look(tasks_, descriptors_); }
  tests::TempFolder folder_;
  base::UniqueFd file_{open((folder_.path() / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  /// With no other file: whoever runs the test may have opened some.
  tests::ChildProcess child_{[this] {
    const auto file = static_cast<unsigned>(file_.get());
    if (file > 3) close_range(3, file - 1, 0);
    close_range(file + 1, ~0u, 0);
    return raise(SIGSTOP);
  }};
  TaskTable tasks_;
  DescriptorTable descriptors_;
  SharedFiles shared_;
};

TEST_F(SharedFilesTest, AreThoseOfOneOperationAndAreClosed) {
  ScheduledTask& maker = tasks_.add_root("A", 0, getpid());
  ScheduledTask& heir = tasks_.add_root("A.1", 1, child_.pid());
  heir.operation = "A";
  stand(maker, 1);
  stand(heir, 1);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_TRUE(shared_.has_any("A"));
  EXPECT_TRUE(shared_.has_any("A.1"));
  file_.reset();
  stand(maker, 2);
  EXPECT_THAT(look(), ElementsAre("A"));
  EXPECT_FALSE(shared_.has_any("A.1")) << "nobody else has it now";
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(SharedFilesTest, NobodySharesAnyWithAnotherOperationOrWithTheDead) {
  stand(tasks_.add_root("A", 0, getpid()), 1);
  ScheduledTask& heir = tasks_.add_root("B", 1, child_.pid());
  stand(heir, 1);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_FALSE(shared_.has_any("A"));
  heir.operation = "A";
  heir.state = ScheduledTask::State::kDead;
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_FALSE(shared_.has_any("A"));
}

}  // namespace
}  // namespace stress
