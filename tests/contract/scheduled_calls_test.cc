// Goal: what a scheduler decides upon stops, says what it is about, and can be answered in the
// kernel's place; with the sets of before none of it stops.
// Method: a small static program makes such calls, each by a system call of its own.
#include <fcntl.h>

#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "harness/supervise/effects.h"
#include "orchestrator/base/file_io.h"
#include "tests/unit/listener_fixture.h"

namespace stress {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;
using ::testing::SizeIs;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

class ScheduledCalls : public ListenerTest {
 protected:
  int call(const std::string& what, const std::function<void(const Stopped&)>& answer = let_go,
           std::uint32_t set = kScheduleSet) {
    return run(
        {std::filesystem::read_symlink("/proc/self/exe").parent_path() / "scheduled_calls_helper",
         what},
        set, answer);
  }
  /// "name path" of those of one kind below the folder, the folder itself left out.
  Words below_folder(const std::vector<Op>& ops, Sys sys) {
    Words lines;
    for (const Op& op : ops) {
      if (op.sys != sys || !op.path.starts_with(folder_.path().native())) continue;
      lines.push_back(fmt::format("{} {}{}", op.name, op.folder ? "list " : "",
                                  op.path.substr(folder_.path().native().size())));
    }
    return lines;
  }
  [[nodiscard]] std::vector<Op> of_kind(Sys sys) const {
    std::vector<Op> result;
    std::ranges::copy_if(seen_, std::back_inserter(result),
                         [sys](const Op& op) { return op.sys == sys; });
    return result;
  }
};

TEST_F(ScheduledCalls, ReadsSayFromWhereAndHowMuchAndThatOfStandardInputRunsFree) {
  EXPECT_EQ(call("reads"), 0);
  Words lines;
  for (const Op& op : of_kind(Sys::kRead)) lines.push_back(describe(op));
  const std::string data = in_folder("data");
  EXPECT_THAT(lines,
              ElementsAre("read of 10 bytes from " + data, "pread64 of 20 bytes from " + data,
                          "readv of 7 bytes from " + data, "preadv of 3 bytes from " + data,
                          "preadv2 of 7 bytes from " + data));
}

TEST_F(ScheduledCalls, OpensForReadingSayWhichFile) {
  EXPECT_EQ(call("looks"), 0);
  EXPECT_THAT(below_folder(seen_, Sys::kOpen), ElementsAre("creat /real/file", "openat /real"));
}

TEST_F(ScheduledCalls, LooksNameTheFileHoweverItIsReached) {
  EXPECT_EQ(call("looks"), 0);
  EXPECT_THAT(below_folder(seen_, Sys::kLook),
              ElementsAre("stat /real/file", "lstat /real/s", "newfstatat /real/file",
                          "newfstatat /real/s", "newfstatat /real", "statx /real/file",
                          "access /real/none", "faccessat /real/file", "faccessat2 /real/s",
                          "readlink /link", "readlinkat /real/s", "getdents64 list /real"));
}

TEST_F(ScheduledCalls, AGlanceGivesTheAbsoluteNameWithoutFollowingLinks) {
  EXPECT_EQ(call("looks"), 0);
  const Words lines = below_folder(first_looks_, Sys::kLook);
  ASSERT_THAT(lines, SizeIs(12));
  EXPECT_EQ(lines[0], "stat /link/s");
  EXPECT_EQ(lines[2], "newfstatat /real/s");
  EXPECT_EQ(lines[5], "statx /real/file");
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    EXPECT_EQ(first_looks_[i].tid, seen_[i].tid);
    EXPECT_EQ(first_looks_[i].pid, seen_[i].pid);
    EXPECT_EQ(first_looks_[i].fd, seen_[i].fd);
    EXPECT_EQ(first_looks_[i].name, seen_[i].name);
  }
}

TEST_F(ScheduledCalls, SleepsSayHowLongAndMayBeAnsweredAtOnce) {
  const auto at_once = [](const Stopped& stopped) {
    if (stopped.op.sys == Sys::kSleep) {
      (void)stopped.return_value(0);
    } else {
      stopped.go_on();
    }
  };
  EXPECT_EQ(call("sleeps", at_once), 0);
  std::vector<std::chrono::nanoseconds> lengths;
  for (const Op& op : of_kind(Sys::kSleep)) lengths.push_back(op.sleep);
  EXPECT_THAT(lengths, ElementsAre(1h + 5ns, 1h + 5ns, AllOf(Ge(58min), Le(1h)), 1h, 1h + 5ns,
                                   1h + 6us, 1h + 5ns, std::chrono::nanoseconds::max(), 0ns));
  EXPECT_EQ(describe(of_kind(Sys::kSleep)[3]), "poll of 3600000 ms");
}

TEST_F(ScheduledCalls, RandomBytesFollowFromTheSeed) {
  const auto bytes_of = [this](std::uint64_t seed) {
    std::filesystem::remove(output());
    const auto answer = [seed](const Stopped& stopped) {
      if (fill_random(stopped.op, seed)) {
        EXPECT_TRUE(stopped.return_value(stopped.op.bytes));
      } else {
        stopped.go_on();
      }
    };
    EXPECT_EQ(call("random", answer), 0);
    return base::read_file(output()).value();
  };
  const std::string first = bytes_of(1);
  EXPECT_THAT(first, SizeIs(64));
  EXPECT_EQ(bytes_of(1), first);
  const std::string other = bytes_of(2);
  EXPECT_NE(other.substr(0, 16), first.substr(0, 16));
  EXPECT_NE(other.substr(16), first.substr(16));
  EXPECT_EQ(first.substr(0, 16), first.substr(16, 16));  // one stream for both calls
}

TEST_F(ScheduledCalls, NothingButRandomnessIsFilledIn) {
  const auto answer = [](const Stopped& stopped) {
    EXPECT_EQ(fill_random(stopped.op, 1), stopped.op.sys == Sys::kRandom) << describe(stopped.op);
    stopped.go_on();
  };
  EXPECT_EQ(call("reads", answer), 0);
  EXPECT_THAT(of_kind(Sys::kRead), SizeIs(5));
}

TEST_F(ScheduledCalls, ForksTellThreadsFromProcesses) {
  EXPECT_EQ(call("forks"), 0);
  Words lines;
  for (const Op& op : of_kind(Sys::kFork)) lines.push_back(describe(op));
  EXPECT_THAT(lines, ElementsAre("fork of a process", "vfork of a process", "clone of a process",
                                 "clone3 of a process", "clone3 of a thread"));
}

TEST_F(ScheduledCalls, WithoutTheirSetsNoneStops) {
  for (const char* what : {"reads", "looks", "random", "forks"}) {
    EXPECT_EQ(call(what, let_go, kPointSet | kReadOpens), 0);
    for (const Op& op : seen_) {
      EXPECT_LT(op.sys, Sys::kRead) << describe(op);
      EXPECT_NE(op.name, "unknown") << op.number;
    }
  }
}

}  // namespace
}  // namespace stress
