// Goal: a failing schedule's story says why it broke where the steps prove it, and nothing else.
#include <string>

#include <gmock/gmock.h>

#include "tests/unit/exploration_samples.h"
#include "tests/unit/story_support.h"

namespace report::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(StoryWhy, NamesTheChangeThatWasOverwritten) {
  EXPECT_EQ(why_of(lost_update()),
            "A read registry.json (1) before B's change of it (3), and wrote it after (6): B's "
            "change is gone (agent-2 running), though B was told ok.");
}

TEST(StoryWhy, SaysNothingOfAChangeThatIsStillThere) {
  FailingSchedule schedule = lost_update();
  for (ScheduleStep& step : schedule.steps) {
    if (step.operation == "A" && step.kind == "rename") {
      step.registry = "2 agents: agent-2 running, agent-1 running";
    }
  }
  EXPECT_THAT(why_of(schedule), Not(HasSubstr("is gone")));
}

TEST(StoryWhy, SaysNothingWhereTheReaderLookedAgain) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok").operation("B", "spawn", "ok");
  story.step("A", "read", "registry.json").registry("0 agents");
  story.saves("B", "1 agent: b running").step("A", "read", "registry.json");
  story.saves("A", "2 agents: a running, b running");
  EXPECT_EQ(why_of(story.take()), "");
}

TEST(StoryWhy, TrustsNoOpenFileBehindALock) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok").operation("B", "spawn", "ok");
  story.step("A", "open", "state.json").saves("B", "").step("A", "lock", "state.json");
  story.step("B", "write", "state.json").step("A", "lock", "state.json");
  story.step("A", "write", "state.json");
  EXPECT_EQ(why_of(story.take()), "");
}

TEST(StoryWhy, OfAFileWithoutRegistryGoesByItsReplacement) {
  ScheduleBuilder story;
  story.operation("A", "x", "refused").operation("B", "y", "refused");
  story.step("A", "open", "state").step("B", "write", "state");
  story.step("A", "rename", "state.new").to("state");
  EXPECT_EQ(why_of(story.take()),
            "A read state (1) before B's change of it (2), and wrote it after (3): B's change is "
            "gone.");
}

TEST(StoryWhy, AFailedChangeIsNone) {
  ScheduleBuilder story;
  story.operation("A", "x", "ok").operation("B", "y", "ok");
  story.step("A", "open", "state").step("B", "write", "state").result("fails: no space");
  story.step("A", "rename", "state.new").to("state");
  EXPECT_EQ(why_of(story.take()), "");
}

TEST(StoryWhy, NamesACheckThatWasNoLongerTrue) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok").operation("B", "spawn", "ok");
  story.step("A", "stat", "agent.lock").result("it is not there");
  story.step("B", "stat", "agent.lock").result("it is not there");
  story.step("B", "open", "agent.lock").call("create agent.lock");
  story.step("A", "open", "agent.lock").call("create agent.lock");
  EXPECT_EQ(why_of(story.take()),
            "A looked at agent.lock (1), then came B's `create agent.lock` (3), and A went on "
            "without another look: `create agent.lock` (4).");
}

TEST(StoryWhy, NamesAnActUponAnOldLookAtTheRegistry) {
  ScheduleBuilder story;
  story.operation("A", "spawn x", "ok").operation("B", "kill x", "ok");
  story.step("A", "open", "registry.json").registry("1 agent: x starting");
  story.saves("B", "1 agent: x terminated");
  story.step("A", "exec", "").call("exec tmux");
  EXPECT_EQ(why_of(story.take()),
            "A looked at registry.json (1), then came B's `rename registry.json.tmp-B to "
            "registry.json` (2), and A went on without another look: `start tmux` (3).");
}

TEST(StoryWhy, OfACrashWithoutAPlaceNamesWhatWasDone) {
  FailingSchedule schedule = killed_before_the_session();
  for (ScheduleStep& step : schedule.steps) {
    if (step.act != "crash") continue;
    step.call = "is killed";
    step.kind.clear();
  }
  EXPECT_EQ(why_of(schedule),
            "A was killed after `rename registry.json.tmp-A to registry.json` (2).");
  EXPECT_THAT(story_of(schedule), HasSubstr("=== A is killed here ==="));
}

TEST(StoryWhy, TakesALookThatLedToAChangeForDone) {
  ScheduleBuilder story;
  story.operation("A", "spawn a", "ok").operation("B", "spawn b", "ok");
  story.step("A", "open", "registry.json").registry("0 agents").saves("A", "1 agent: a starting");
  story.step("B", "open", "registry.json").registry("1 agent: a starting");
  story.saves("B", "2 agents: a starting, b starting").step("A", "exec", "").call("exec tmux");
  EXPECT_EQ(why_of(story.take()), "");
}

TEST(StoryWhy, TakesNoLogForACheck) {
  ScheduleBuilder story;
  story.operation("A", "x", "ok").operation("B", "y", "ok");
  story.step("A", "open", "log").step("B", "write", "log").step("A", "write", "log");
  EXPECT_EQ(why_of(story.take()), "");
}

TEST(StoryWhy, KnowsFromReadsThatABlockedOneDidNotLookAgain) {
  ScheduleBuilder story;
  story.operation("A", "repair", "ok").operation("B", "spawn x", "ok");
  story.step("A", "read", "registry.json").registry("no agents");
  story.saves("B", "1 agent: x starting").step("A", "lock", "registry.lock");
  story.step("A", "connect", "").call("connect to default");
  EXPECT_EQ(why_of(story.take()),
            "A looked at registry.json (1), then came B's `rename registry.json.tmp-B to "
            "registry.json` (2), and A went on without another look: `connect to default` (3).");
}

TEST(StoryWhy, KnowsThatWhoReadsAReplacedFileHasLookedWhenItWasOpened) {
  ScheduleBuilder story;
  story.operation("A", "spawn a", "ok").operation("B", "spawn b", "ok");
  story.step("B", "read", "registry.json").registry("no agents");
  story.step("A", "open", "registry.json").call("open for reading registry.json");
  story.saves("B", "1 agent: b running").step("A", "read", "registry.json");
  story.call("read registry.json, which is no longer the file of that name");
  story.saves("A", "1 agent: a running");
  EXPECT_EQ(why_of(story.take()),
            "A opened registry.json (2) before B's change of it (3), read what was there before "
            "(4), and wrote it after (5): B's change is gone (b running), though B was told ok.");
}

TEST(StoryWhy, KnowsWhatWasThereFromTheOtherOnesLook) {
  ScheduleBuilder story;
  story.operation("A", "spawn a", "ok").operation("B", "spawn b", "ok");
  story.step("A", "open", "registry.json").call("open for reading registry.json");
  story.step("B", "read", "registry.json").registry("no agents");
  story.saves("B", "1 agent: b running").step("A", "read", "registry.json");
  story.saves("A", "1 agent: a running");
  const FailingSchedule schedule = story.take();
  EXPECT_THAT(why_of(schedule),
              HasSubstr("A opened registry.json (1) before B's change of it (3)"));
  EXPECT_THAT(why_of(schedule), HasSubstr("B's change is gone (b running)"));
}

TEST(StoryWhy, SeesAChangeThatWasTakenBack) {
  ScheduleBuilder story;
  story.operation("A", "update a", "ok").operation("B", "update b", "ok");
  story.step("A", "read", "registry.json").registry("2 agents, 20 ended: a running, b running");
  story.saves("B", "2 agents, 20 ended: a running, b working \"op-2\"");
  story.saves("A", "2 agents, 20 ended: a working \"op-1\", b running");
  EXPECT_EQ(why_of(story.take()),
            "A read registry.json (1) before B's change of it (2), and wrote it after (3): B's "
            "change is gone (b working \"op-2\"), though B was told ok.");
}

TEST(StoryWhy, NamesALockFileThatIsNoLongerThatOfItsName) {
  ScheduleBuilder story;
  const std::string nameless = "lock x.lock, which is no longer the file of that name";
  story.operation("A", "x", "ok").operation("B", "y", "ok").operation("C", "z", "ok");
  story.step("A", "unlink", "x.lock").step("B", "lock", "x.lock").call(nameless);
  story.step("C", "lock", "x.lock");
  EXPECT_EQ(why_of(story.take()),
            "A's `delete x.lock` (1) came in between: B's `lock x.lock` (2) and C's `lock x.lock` "
            "(3) are of two files of that name, which keep nobody out.");
}

TEST(StoryWhy, ACrashIsNoLook) {
  ScheduleBuilder story;
  story.operation("A", "x", "killed").operation("B", "y", "ok");
  story.step("A", "open", "x").act("crash").step("B", "unlink", "x").step("A.1", "unlink", "x");
  EXPECT_EQ(why_of(story.take()), "");
}

TEST(StoryWhy, NamesATemporaryFileOfTwo) {
  ScheduleBuilder story;
  story.operation("A", "x", "ok").operation("B", "y", "ok");
  story.step("A", "write", "new.tmp").step("B", "write", "new.tmp");
  story.step("A", "rename", "new.tmp").to("state.json");
  EXPECT_EQ(
      why_of(story.take()),
      "A's `write to new.tmp` (1), then B's `write to new.tmp` (2), then A's `rename new.tmp to "
      "state.json` (3): both use that one name.");
}

TEST(StoryWhy, ATemporaryNameThatIsUsedAgainIsNoFault) {
  ScheduleBuilder story;
  story.operation("A", "x", "ok").operation("B", "y", "ok");
  story.step("A", "write", "new.tmp").step("A", "rename", "new.tmp").to("state.json");
  story.step("B", "write", "new.tmp").step("B", "rename", "new.tmp").to("state.json");
  EXPECT_EQ(why_of(story.take()), "");
}

}  // namespace
}  // namespace report::testing
