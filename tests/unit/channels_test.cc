// Goal: processes that may tell each other something unseen are known as joined, others are not.
// Method: pipes and sockets of this process and of a child that keeps some of them.
#include "harness/schedule/channels.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

using Channels = std::set<std::string>;

TEST(Channels, AreThePipesAndSocketsOfAProcess) {
  const Channels before = channels_of(getpid());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const base::UniqueFd in(ends[0]);
  const base::UniqueFd out(ends[1]);
  const base::UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Channels after = channels_of(getpid());
  EXPECT_EQ(after.size(), before.size() + 1) << "a pipe is one, a file none";
}

TEST(Channels, JoinWhoHasTheSamePipe) {
  EXPECT_TRUE(are_joined({"pipe:[1]", "pipe:[2]"}, {"pipe:[2]"}));
  EXPECT_FALSE(are_joined({"pipe:[1]"}, {"pipe:[2]"}));
  EXPECT_FALSE(are_joined({}, {"pipe:[2]"}));
}

TEST(Channels, JoinAnyTwoWithSocketsAsTheirEndsHaveDifferentNames) {
  EXPECT_TRUE(are_joined({"socket:[1]"}, {"socket:[2]"}));
  EXPECT_FALSE(are_joined({"socket:[1]"}, {"pipe:[2]"}));
}

TEST(Channels, AreLookedAtAgainOnlyWhereTheProcessMayHaveRun) {
  TaskTable tasks;
  ScheduledTask& self = tasks.add_root("A", 0, getpid());
  self.state = ScheduledTask::State::kParked;
  self.stopped.notification.id = 1;
  ChannelTable table;
  const Channels before = table.of(self);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const base::UniqueFd in(ends[0]);
  const base::UniqueFd out(ends[1]);
  EXPECT_EQ(table.of(self), before) << "it stands before the same call";
  self.stopped.notification.id = 2;
  EXPECT_EQ(table.of(self).size(), before.size() + 1);
}

TEST(Channels, OfWhoIsGoneAreNone) { EXPECT_TRUE(channels_of(1 << 22).empty()); }

}  // namespace
}  // namespace stress
