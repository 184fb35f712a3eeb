// Goal: a failing schedule's story says who did what, where the switch was, and why it broke, to
// somebody who has read nothing else; and says nothing that the steps do not prove.
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/writers/text.h"
#include "reports/writers/writers.h"
#include "tests/unit/exploration_samples.h"

namespace report::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string story_of(const FailingSchedule& schedule) { return to_story(schedule, false, 100); }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// All but the layout: what a cell says may be broken over lines anywhere between words.
std::string why_of(const FailingSchedule& schedule) {
  const std::string story = story_of(schedule);
  const std::size_t at = story.find("\nWhy\n");
  if (at == std::string::npos) return "";
  std::string text;
  for (const std::string& line : lines_of(story.substr(at + 5))) {
    text += (text.empty() ? "" : " ") + line.substr(line.find_first_not_of(' '));
  }
  return text;
}

/// Which column of two a line's text is in: 0, 1, or -1 where it is across both.
int column_of(const std::string& line) {
  const std::size_t bar = line.find(" |");
  if (bar == std::string::npos) return -1;
  return line.find_first_not_of(' ', 4) < bar ? 0 : 1;
}

TEST(Story, OfALostUpdateFitsOnOneScreen) {
  const std::vector<std::string> lines = lines_of(story_of(lost_update()));
  EXPECT_LE(lines.size(), 34u);
  for (const std::string& line : lines) EXPECT_LE(width(line), 100u) << line;
}

TEST(Story, SaysWhoTakesPartAndWhatEachIsTold) {
  EXPECT_THAT(story_of(lost_update()),
              AllOf(ContainsRegex("A: spawn worker1 +\\| B: spawn worker2"),
                    HasSubstr("A is told: ok, agent-1"), HasSubstr("B is told: ok, agent-2")));
}

TEST(Story, TellsEachStepInItsOperationsColumn) {
  const auto column_with = [](const std::string& words) {
    for (const std::string& line : lines_of(story_of(lost_update()))) {
      if (line.find(words) != std::string::npos) return column_of(line);
    }
    return -2;
  };
  EXPECT_EQ(column_with("creates registry.json.tmp-A,"), 0);
  EXPECT_EQ(column_with("creates registry.json.tmp-B,"), 1);
  EXPECT_EQ(column_with("A is told"), 0);
  EXPECT_EQ(column_with("B is told"), 1);
  EXPECT_EQ(column_with("the scheduler lets"), -1);
}

TEST(Story, MergesBoringStepsAndKeepsWhatWasSeen) {
  const std::string story = to_story(lost_update(), false, 300);
  EXPECT_THAT(story, HasSubstr("looks for and reads registry.json: 0 agents"));
  EXPECT_THAT(story, HasSubstr("creates registry.json.tmp-B, writes 412 bytes to it and renames it "
                               "to registry.json"));
  EXPECT_THAT(story, HasSubstr("now 1 agent: agent-2 running"));
}

TEST(Story, LeavesOutWhatIsNothingToOthersAndTellsALongOneBriefly) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok");
  story.step("A", "unlink", "old").step("A", "fsync", ".").step("A", "exit", "").call("exit");
  EXPECT_THAT(story_of(story.take()),
              AllOf(HasSubstr("1 deletes old"), Not(HasSubstr("flushes")), Not(HasSubstr("ends"))));
  story.operation("A", "spawn", "ok");
  for (int i = 0; i < 50; ++i) story.step("A", "unlink", "file-" + std::to_string(i));
  EXPECT_THAT(story_of(story.take()),
              AllOf(HasSubstr("1 deletes file-0; deletes file-1;"), HasSubstr("and 46 more")));
}

/// As an explorer tells it: what the registry holds stands beside each step that opens, reads or
/// changes any file, and a lock that is waited for is no step.
FailingSchedule as_explored() {
  ScheduleBuilder story;
  story.operation("A", "spawn coder", "ok", "a-1").operation("B", "spawn tester", "killed");
  const auto call = [&](const std::string& who, const std::string& kind,
                        const std::string& words) -> ScheduleBuilder& {
    const std::string file = kind == "exec" ? "" : words.substr(words.rfind(' ') + 1);
    return story.step(who, kind, file).call(words);
  };
  const std::string none = "no agents";
  const std::string one = "1 agent: a-1 starting";
  call("A", "exec", "start python3");
  call("A", "open", "open or create registry.lock").registry(none);
  call("A", "lock", "lock registry.lock");
  call("A", "open", "open for reading registry.json").registry(none);
  call("A", "look", "look at registry.json");
  call("A", "read", "read registry.json").bytes(8192).registry(none);
  call("B", "exec", "start python3").preempting();
  call("B", "open", "open or create registry.lock").registry(none);
  call("A", "open", "open or create registry.json").registry("unreadable: it is empty");
  call("A", "write", "write 412 bytes to registry.json").bytes(412).registry(one);
  call("A", "unlock", "unlock registry.lock");
  call("A", "write", "write 9 bytes to log").bytes(9).registry(one);
  call("B", "", "is killed before: lock registry.lock").act("crash");
  return story.take();
}

TEST(Story, ShowsTheRegistryWhereItWasReadOrChangedAndNowhereElse) {
  const std::string story = to_story(as_explored(), false, 200);
  EXPECT_THAT(story, AllOf(HasSubstr("opens or creates registry.lock "),
                           HasSubstr("reads registry.json: no agents "),
                           HasSubstr("writes 9 bytes to log ")));
  EXPECT_THAT(story, HasSubstr("opens and empties registry.json and writes 412 bytes to it: now 1 "
                               "agent: a-1 starting"));
}

TEST(Story, SaysWhatALongRegistryHoldsOnceAndThenWhere) {
  ScheduleBuilder story;
  const std::string three = "3 agents: agent-1 running, agent-2 running, agent-3 starting";
  story.operation("A", "spawn", "ok").operation("B", "list", "ok");
  story.step("A", "read", "registry.json").registry("2 agents: agent-1 running, agent-2 running");
  story.saves("A", three).step("B", "read", "registry.json").registry(three);
  EXPECT_THAT(story_of(story.take()), HasSubstr("3                                                "
                                                "| reads registry.json: as in (2)\n"));
}

TEST(Story, TakesARenameThatIsMadeAgainForOneInVain) {
  ScheduleBuilder story;
  story.operation("A", "save", "ok");
  story.step("A", "rename", "new").to("state").step("A", "look", "state");
  story.step("A", "rename", "new").to("state");
  EXPECT_THAT(story_of(story.take()), AllOf(HasSubstr("1 renames new to state: in vain\n"),
                                            HasSubstr("renames new to state\n")));
}

TEST(Story, SeesThatAnOpenFileWasReplacedBeforeItWasRead) {
  ScheduleBuilder story;
  story.operation("A", "x", "ok").operation("B", "y", "ok");
  story.step("A", "open", "state").step("B", "rename", "new").to("state");
  story.step("A", "read", "state");
  EXPECT_THAT(to_story(story.take(), false, 200),
              HasSubstr("reads state, which is no longer the file of that name"));
}

TEST(Story, GivesWhoIsNoOperationNoColumn) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok");
  story.step("A", "unlink", "x").step("tmux.1", "read", "x");
  EXPECT_THAT(story_of(story.take()),
              AllOf(HasSubstr("\n  2 tmux: [child tmux] reads x\n"), Not(HasSubstr(" | "))));
}

TEST(Story, ShortensLongNamesInTheMiddle) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok");
  story.step("A", "unlink", "registry.json.backup.tmp-31863-2c4e51cc");
  EXPECT_THAT(story_of(story.take()), HasSubstr("deletes registry.json.backup.t…3-2c4e51cc\n"));
}

TEST(Story, SaysWhoWaitsForALockAndBeforeWhatOneWasKilled) {
  const std::string story = story_of(as_explored());
  EXPECT_THAT(story, HasSubstr("=== B is killed here, before `lock registry.lock` ==="));
  ScheduleBuilder waiting;
  waiting.operation("A", "x", "ok").operation("B", "y", "ok");
  waiting.step("A", "lock", "x.lock").step("B", "unlink", "y").preempting();
  waiting.step("A", "unlock", "x.lock").step("B", "lock", "x.lock");
  EXPECT_THAT(story_of(waiting.take()),
              HasSubstr("--- B waits for the lock on x.lock; A goes on ---"));
}

TEST(Story, TellsTheReplyWhereItComes) {
  ScheduleBuilder story;
  story.operation("A", "spawn", "ok").operation("B", "list", "ok");
  story.step("A", "unlink", "x").step("A", "reply", "").step("B", "read", "y");
  story.step("A.1", "unlink", "z");
  const std::string text = story_of(story.take());
  EXPECT_LT(text.find("A is told: ok"), text.find("reads y"));
}

TEST(Story, MarksWhatAChildDoes) {
  EXPECT_THAT(story_of(lost_update()), HasSubstr("[child tmux] connects to tmux.sock"));
  ScheduleBuilder threads;
  threads.operation("A", "serve", "ok").step("A/2", "unlink", "x").step("A.1/3", "unlink", "y");
  EXPECT_THAT(story_of(threads.take()), AllOf(HasSubstr("[thread 2] deletes x"),
                                              HasSubstr("[child tmux, thread 3] deletes y")));
}

TEST(Story, ShowsASwitchWithWhatStandsStill) {
  EXPECT_THAT(story_of(lost_update()),
              AllOf(HasSubstr("--- the scheduler lets B begin; A stands before `create "
                              "registry.json.tmp-A` ---"),
                    HasSubstr("--- B is done; A goes on ---")));
  EXPECT_THAT(story_of(deadlocked()),
              HasSubstr("--- B waits for the lock that A holds; A goes on ---"));
}

TEST(Story, OfAWriteThatWasInterruptedSaysWhere) {
  ScheduleBuilder story;
  story.operation("A", "update a-1", "ok").operation("B", "list", "ok");
  story.step("A", "write", "registry.json").bytes(4096);
  story.step("B", "read", "registry.json").bytes(4096).preempting();
  story.step("A", "write", "registry.json").bytes(412);
  EXPECT_THAT(story_of(story.take()),
              AllOf(HasSubstr("1 writes 4096 bytes to registry.json"),
                    HasSubstr("A stands before `write 412 bytes to registry.json`")));
}

TEST(Story, ShowsACrashAcrossAndNamesItsPlace) {
  const std::string story = story_of(killed_before_the_session());
  EXPECT_THAT(story, AllOf(HasSubstr("=== A is killed here, before `start tmux` ==="),
                           HasSubstr("A is dead: nobody is told anything")));
  EXPECT_THAT(
      why_of(killed_before_the_session()),
      HasSubstr("A was killed between `rename registry.json.tmp-A to registry.json` (2) and "
                "`start tmux`."));
}

TEST(Story, ShowsAKilledSessionAndGivesItNoColumn) {
  ScheduleBuilder story;
  story.operation("A", "repair", "ok").operation("B", "session-kill", "");
  story.step("A", "unlink", "x").step("B", "", "").call("end a session").act("session-kill");
  story.result("agent_a-1 of agent a-1");
  const std::string text = story_of(story.take());
  EXPECT_THAT(text, HasSubstr("=== a session is killed here: agent_a-1 of agent a-1 ==="));
  EXPECT_THAT(text, Not(HasSubstr("B: session-kill")));
}

TEST(Story, ShowsADeadlockWithItsCycle) {
  EXPECT_THAT(story_of(deadlocked()),
              AllOf(HasSubstr("Deadlock: none of these can ever go on\n  A waits for two.lock, "
                              "which B holds\n  B waits for one.lock, which A holds\n"),
                    HasSubstr("A never ends"), HasSubstr("B never ends")));
}

TEST(Story, EndsWithWhatBroke) {
  EXPECT_THAT(story_of(lost_update()),
              HasSubstr("What broke\n  acked-present: Agent agent-2 was acknowledged and is "
                        "missing.\n"));
}

TEST(Story, OfThreeOperationsHasThreeReadableColumns) {
  const std::string story = story_of(three_operations());
  EXPECT_THAT(story, ContainsRegex("A: update agent-A +\\| B: update agent-B +\\| C: update"));
  for (const std::string& line : lines_of(story)) EXPECT_LE(width(line), 100u) << line;
}

TEST(Story, OfMoreThanFourOrOnANarrowTerminalHasALabelInFront) {
  ScheduleBuilder many;
  for (const char* label : {"A", "B", "C", "D", "E"}) {
    many.operation(label, "spawn", "ok").step(label, "unlink", std::string("file-") + label);
  }
  EXPECT_THAT(story_of(many.take()),
              AllOf(HasSubstr("  5 E  deletes file-E\n"), HasSubstr("    E  E is told: ok\n"),
                    Not(HasSubstr(" | "))));
  const std::string narrow = to_story(lost_update(), false, 1);
  EXPECT_THAT(narrow, HasSubstr("  1 A  starts python3; looks for and\n       reads"));
  for (const std::string& line : lines_of(narrow)) EXPECT_LE(width(line), 40u) << line;
}

TEST(Story, ColourChangesNothingButColour) {
  std::string coloured = to_story(killed_before_the_session(), true, 100);
  EXPECT_THAT(coloured, HasSubstr("\x1b[1;31m=== A is killed here"));
  for (const char* code : {"\x1b[1m", "\x1b[0m", "\x1b[33m", "\x1b[1;31m"}) {
    for (std::size_t at = 0; (at = coloured.find(code)) != std::string::npos;) {
      coloured.erase(at, std::string(code).size());
    }
  }
  EXPECT_EQ(coloured, story_of(killed_before_the_session()));
}

TEST(Story, OfNothingSaysSo) {
  EXPECT_EQ(story_of({}), "No step of this schedule was recorded.\n");
}

TEST(Story, HoldsItsLayoutWhateverNamesContain) {
  for (const std::size_t columns : {1UL, 40UL, 100UL, 250UL}) {
    const std::string story = to_story(nasty_schedule(), false, columns);
    EXPECT_EQ(story.find('\x1b'), std::string::npos);
    EXPECT_EQ(story.find('\xff'), std::string::npos);
    for (const std::string& line : lines_of(story)) {
      EXPECT_LE(width(line), std::max<std::size_t>(columns, 40)) << line;
    }
  }
}

TEST(StoryMarkdown, HasTheStoryTheSizesAndTheCommandThatReplaysIt) {
  EXPECT_THAT(
      to_story_markdown(lost_update()),
      AllOf(HasSubstr("## spawn worker1, spawn worker2\n"),
            HasSubstr("2 operations, 1 preemption, 0 faults, 21 steps; as found: 4 operations"),
            HasSubstr("replayed 100 times, the same each time"),
            HasSubstr("```text\nTime goes down"),
            HasSubstr("```text\nstress replay failures/001.json\n```")));
}

TEST(StoryMarkdown, NoNameBreaksOutOfItsBlock) {
  FailingSchedule schedule = lost_update();
  schedule.steps[0].call = "exec ```";
  schedule.file = "a b/it's";
  EXPECT_THAT(to_story_markdown(schedule),
              AllOf(HasSubstr("````text\n"), HasSubstr("stress replay 'a b/it'\\''s'\n")));
}

// --- Why ---

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
