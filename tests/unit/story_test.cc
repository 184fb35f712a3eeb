// Goal: a failing schedule's story says who did what and where the switch was, to somebody who has
// read nothing else, and holds its layout whatever it tells.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "reports/writers/text.h"
#include "tests/unit/exploration_samples.h"
#include "tests/unit/story_support.h"

namespace report::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

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

}  // namespace
}  // namespace report::testing
