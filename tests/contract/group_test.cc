#include "harness/supervise/group.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <seccomp.h>

#include "harness/supervise/members.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/random_id.h"
#include "tests/contract/start_process.h"

namespace stress {
namespace {

using test::Scoped;
using test::Start;
using test::start;
constexpr std::chrono::milliseconds kPatience{60'000};
const std::vector<std::string> kSleep{"sleep", "300"};

class GroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = Group::create("t" + base::random_id());
    ASSERT_TRUE(made) << made.error().message;
    group_.emplace(*std::move(made));
  }

  /// What the harness starts: joined and marked.
  pid_t start_member(Start what) {
    what.env.push_back(group_->environment());
    what.join_fd = group_->join_fd();
    return start(what);
  }
  /// What a daemon looks like after a privileged manager has moved it: marked alone.
  pid_t start_marked(Start what) {
    what.env.push_back(group_->environment());
    return start(what);
  }

  [[nodiscard]] std::set<pid_t> member_pids() const {
    std::set<pid_t> pids;
    for (const auto& member : group_->members()) pids.insert(member.pid);
    return pids;
  }

  std::optional<Group> group_;
};

TEST_F(GroupTest, FindsWhatCarriesTheTokenThoughItLeftItsStarterAndItsSession) {
  const Scoped plain(start_marked({.argv = kSleep}));
  const Scoped daemon(start_marked({.argv = kSleep, .own_session = true, .orphan = true}));
  EXPECT_EQ(member_pids(), (std::set<pid_t>{plain.pid(), daemon.pid()}));
}

TEST_F(GroupTest, TellsWhoAMemberIs) {
  const Scoped sleeper(start_member({.argv = kSleep, .own_session = true}));
  const auto members = group_->members();
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].pid, sleeper.pid());
  EXPECT_EQ(members[0].parent, ::getpid());
  EXPECT_EQ(members[0].process_group, sleeper.pid());
  EXPECT_EQ(members[0].command, "sleep 300");
  EXPECT_NE(std::string("RSD").find(members[0].state), std::string::npos) << members[0].state;
}

TEST_F(GroupTest, FindsWhatJoinedTheCgroupThoughItDroppedItsEnvironment) {
  if (!group_->has_cgroup()) GTEST_SKIP() << "no cgroup to be had here";
  const Scoped bare(
      start({.argv = kSleep, .env = {"PATH=/usr/bin:/bin"}, .join_fd = group_->join_fd()}));
  EXPECT_EQ(member_pids(), std::set<pid_t>{bare.pid()});
}

TEST_F(GroupTest, FindsAndEndsWhatMovedIntoACgroupBelow) {
  if (!group_->has_cgroup()) GTEST_SKIP() << "no cgroup to be had here";
  const auto below = group_->cgroup() / "below";
  ASSERT_EQ(::mkdir(below.c_str(), 0755), 0);
  const base::UniqueFd join(::open((below / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  const Scoped bare(start({.argv = kSleep, .join_fd = join.get()}));
  EXPECT_EQ(member_pids(), std::set<pid_t>{bare.pid()});
  const auto folder = group_->cgroup();
  EXPECT_TRUE(group_->close(kPatience));
  EXPECT_FALSE(bare.alive());
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(GroupTest, AnotherTokenIsNotOursEvenIfItBeginsLikeOurs) {
  const Scoped longer(
      start({.argv = kSleep, .env = {"PATH=/usr/bin:/bin", group_->environment() + "x"}}));
  const Scoped inside(
      start({.argv = kSleep, .env = {"PATH=/usr/bin:/bin", "X=" + group_->environment()}}));
  EXPECT_TRUE(group_->members().empty());
  EXPECT_TRUE(group_->kill_all(kPatience));
  EXPECT_TRUE(longer.alive());
  EXPECT_TRUE(inside.alive());
}

TEST_F(GroupTest, ZombiesAreNoMembers) {
  const Scoped gone(start_member({.argv = {"true"}}));
  ASSERT_TRUE(test::wait_death(gone.fd()));
  EXPECT_TRUE(group_->members().empty());
}

TEST_F(GroupTest, KillAllEndsTheStubbornTheStoppedAndTheDaemons) {
  const Scoped stubborn(start_member({.argv = {"sh", "-c", "trap '' TERM HUP INT; sleep 300"}}));
  const Scoped stopped(start_member({.argv = kSleep}));
  ASSERT_EQ(::kill(stopped.pid(), SIGSTOP), 0);
  const Scoped daemon(start_marked({.argv = kSleep, .own_session = true, .orphan = true}));
  const auto ended = group_->kill_all(kPatience);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_FALSE(stubborn.alive());
  EXPECT_FALSE(stopped.alive());
  EXPECT_FALSE(daemon.alive());
  EXPECT_TRUE(group_->members().empty());
}

// Found by their token alone: a look at the process table can miss who was born during it.
TEST_F(GroupTest, KillAllOutrunsProcessesThatFork) {
  const Scoped forker(start_marked(
      {.argv = {"sh", "-c", "i=0; while [ $i -lt 300 ]; do sleep 300 & i=$((i+1)); done; wait"}}));
  const auto ended = group_->kill_all(kPatience);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(group_->members().empty());
}

// A kernel that says "sent" and does not send stands for members that cannot be killed.
TEST_F(GroupTest, KillAllSaysWhoIsLeftWhenTheTimeIsOver) {
  const Scoped sleeper(start_marked({.argv = kSleep}));
  const pid_t child = ::fork();
  if (child == 0) {
    scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
    ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(pidfd_send_signal), 0);
    if (::seccomp_load(filter) != 0) ::_exit(2);
    const auto ended = end_members(group_->token(), {}, std::chrono::milliseconds{50});
    const bool told = !ended && ended.error().code == base::Errc::kTimeout &&
                      ended.error().message.find("sleep 300") != std::string::npos;
    ::_exit(told ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(sleeper.alive());
}

TEST_F(GroupTest, LeavesTheStartersOwnProcessAndStrangersAlone) {
  const Scoped stranger(start({.argv = kSleep}));
  const Scoped sleeper(start_member({.argv = kSleep}));
  ASSERT_TRUE(group_->kill_all(kPatience));
  EXPECT_FALSE(sleeper.alive());
  EXPECT_TRUE(stranger.alive());
}

TEST_F(GroupTest, KillAllLeavesOwnedChildrenToTheirOwner) {
  const pid_t pid = start_member({.argv = kSleep});
  own_child(pid);
  ASSERT_TRUE(group_->kill_all(kPatience));
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  disown_child(pid);
}

TEST_F(GroupTest, CloseRemovesTheCgroupAndTheDestructorDoesTheSame) {
  const auto folder = group_->cgroup();
  const Scoped sleeper(start_member({.argv = kSleep}));
  group_.reset();
  EXPECT_FALSE(sleeper.alive());
  EXPECT_TRUE(folder.empty() || !std::filesystem::exists(folder));
}

TEST_F(GroupTest, AMovedFromGroupEndsNothing) {
  const Scoped sleeper(start_member({.argv = kSleep}));
  const Group moved(*std::move(group_));
  group_.reset();
  EXPECT_TRUE(sleeper.alive());
  EXPECT_EQ(moved.members().size(), 1U);
}

TEST_F(GroupTest, AForkedCopyEndsNothing) {
  const Scoped sleeper(start_member({.argv = kSleep}));
  const pid_t child = ::fork();
  if (child == 0) {
    group_.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(sleeper.alive());
}

TEST(GroupCreate, RefusesTokensThatAreNoPlainNames) {
  for (const char* token : {"", "../x", "a b", "A", "a-b", "a/b", "a\nb"}) {
    const auto made = Group::create(token);
    ASSERT_FALSE(made) << token;
    EXPECT_EQ(made.error().code, base::Errc::kInvalid);
  }
}

TEST(GroupCreate, ATokenInUseIsRefusedAndItsGroupUntouched) {
  const std::string token = "t" + base::random_id();
  auto first = Group::create(token);
  ASSERT_TRUE(first);
  if (!first->has_cgroup()) GTEST_SKIP() << "no cgroup to be had here";
  const Scoped sleeper(start({.argv = kSleep, .join_fd = first->join_fd()}));
  const auto second = Group::create(token);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Errc::kExists);
  EXPECT_TRUE(sleeper.alive());
}

// An adopted orphan of a group, which nobody else will ever wait for.
TEST_F(GroupTest, ReaperReapsAdoptedOrphansAtTheSecondCall) {
  const pid_t pid = start_marked({.argv = {"true"}, .own_session = true, .orphan = true});
  const base::UniqueFd fd(::pidfd_open(pid, 0));
  ASSERT_TRUE(fd.valid());
  ASSERT_TRUE(test::wait_death(fd));
  EXPECT_EQ(reap_adopted(), 0);
  ASSERT_TRUE(read_stat(pid).has_value());
  EXPECT_EQ(reap_adopted(), 1);
  EXPECT_FALSE(read_stat(pid).has_value());
}

TEST_F(GroupTest, ReaperNeverTakesOwnedChildrenNorThoseThatStayInOurProcessGroup) {
  const pid_t owned = start_member({.argv = {"true"}});
  own_child(owned);
  const pid_t neighbour = start({.argv = {"true"}, .own_group = false});
  ASSERT_TRUE(test::wait_death(owned));
  ASSERT_TRUE(test::wait_death(neighbour));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reap_adopted(), 0);
  EXPECT_EQ(::waitpid(owned, nullptr, 0), owned);
  EXPECT_EQ(::waitpid(neighbour, nullptr, 0), neighbour);
  disown_child(owned);
}

}  // namespace
}  // namespace stress
