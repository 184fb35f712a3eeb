// What the writers make of an exploration: its verdict and how far it went, each failure with what
// is needed to see it again, a trace that viewers open, and JSON that comes back.
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/model/baseline.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"
#include "tests/unit/exploration_samples.h"

namespace report::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ExplorationJson, ComesBackAsItWas) {
  for (const Exploration& exploration : {sound_exploration(), failing_exploration()}) {
    Exploration back;
    std::string error;
    ASSERT_TRUE(from_json(to_json(exploration), back, error)) << error;
    EXPECT_EQ(back, exploration);
  }
}

TEST(ExplorationJson, ReadingNamesWhatIsWrongAndChangesNothing) {
  const auto error_of = [](const std::string& text) {
    Exploration exploration = sound_exploration();
    std::string error;
    EXPECT_FALSE(from_json(text, exploration, error)) << text;
    EXPECT_EQ(exploration, sound_exploration());
    return error;
  };
  EXPECT_THAT(error_of("{"), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("{}"), HasSubstr("'/verdict'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","jobs":1.5})"), HasSubstr("'/jobs'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","jobs":2147483648})"), HasSubstr("'/jobs'"));
  EXPECT_THAT(error_of(R"({"verdict":"pass","failures":[{"steps":[{"bytes":-1}]}]})"),
              HasSubstr("'/failures/0/steps/0/bytes'"));
}

TEST(ExplorationJson, WhatABaselineKnowsIsKnownFromAStoredOne) {
  Exploration stored;
  std::string error;
  ASSERT_TRUE(from_json(to_json(failing_exploration()), stored, error)) << error;
  Baseline baseline;
  for (const FailingSchedule& failure : stored.failures) {
    for (const InvariantResult& broken : failure.broken) baseline.add(broken);
  }
  Exploration again = failing_exploration();
  for (FailingSchedule& failure : again.failures) {
    for (InvariantResult& broken : failure.broken) baseline.mark(broken);
  }
  EXPECT_EQ(baseline.fresh(), 0u);
  EXPECT_THAT(to_terminal(again, false),
              AllOf(HasSubstr("acked-present [known]"), HasSubstr("2 ways to fail, known; ")));
}

TEST(ExplorationTerminal, EndsWithTheVerdictAndHowFarItWent) {
  EXPECT_THAT(to_terminal(sound_exploration(), false),
              AllOf(HasSubstr("40 schedules in 4.0 s (10.0 a second): 0 failing, 12 pruned"),
                    EndsWith("PASS  exhaustive: all schedules with at most 2 preemptions, 40 "
                             "executed, 12 pruned\n"),
                    Not(HasSubstr("failures"))));
  EXPECT_THAT(to_terminal(failing_exploration(), false),
              AllOf(HasSubstr("a bug of depth 2 is found with at least 1/(2*14) a schedule\n"),
                    HasSubstr("3 failing, 1 not judged"), HasSubstr("note: panes are not"),
                    HasSubstr("\nFAIL  2 ways to fail; not exhaustive: 40 schedules")));
  Exploration unknown = sound_exploration();
  unknown.verdict = Verdict::kUnknown;
  unknown.reason = "no schedule came to its end";
  EXPECT_THAT(to_terminal(unknown, false),
              HasSubstr("12 pruned; no schedule\n         came to its end\n"));
}

TEST(ExplorationTerminal, TellsOfEachFailureWhatIsNeededToSeeItAgain) {
  Exploration exploration = failing_exploration();
  exploration.failures[1].replays = 10;
  exploration.failures[1].replays_same = 7;
  exploration.failures[1].departed = "step 4 of A opened another file";
  EXPECT_THAT(
      to_terminal(exploration, false),
      AllOf(
          HasSubstr("1  acked-present: 2 operations, 1 preemption, 0 faults, 21 steps"),
          HasSubstr("found by random walk, schedule 3 of seed 7, after 0.4 s; replayed 100 times, "
                    "the same each"),
          HasSubstr("      story: failures/001-story.md, trace: failures/001-trace.json\n"),
          HasSubstr("      stress replay failures/001.json\n"), HasSubstr("2  three-way-match: "),
          HasSubstr("replayed 10 times, 7 of them the same; departed: step 4 of A")));
}

TEST(ExplorationTerminal, TellsTheFirstFailuresStoryInFull) {
  const std::string text = to_terminal(failing_exploration(), false);
  EXPECT_THAT(text, HasSubstr(to_story(lost_update(), false, 100)));
  EXPECT_THAT(text, Not(HasSubstr("A is killed here")));
  EXPECT_THAT(to_terminal(failing_exploration(), true),
              HasSubstr(to_story(lost_update(), true, 100)));
}

TEST(ExplorationTerminal, TellsTheStoryOfANewFailureBeforeThatOfAKnownOne) {
  Exploration exploration = failing_exploration();
  exploration.failures[0].broken[0].verdict = Verdict::kKnown;
  EXPECT_THAT(to_terminal(exploration, false),
              AllOf(HasSubstr("story of failure 2\n"), HasSubstr("A is killed here"),
                    HasSubstr("1 way to fail; 1 way to fail, known; ")));
  EXPECT_THAT(to_markdown(exploration), HasSubstr("### Story of failure 2\n"));
}

TEST(ExplorationMarkdown, FitsASummaryWhateverItHolds) {
  Exploration exploration = failing_exploration();
  exploration.failures.insert(exploration.failures.begin(), nasty_schedule());
  exploration.failures.resize(2000, nasty_schedule());
  exploration.notes.resize(2000, kNasty);
  exploration.target = exploration.guarantee = kNasty;
  const std::string markdown = to_markdown(exploration);
  EXPECT_LT(markdown.size(), 64UL * 1024);
  EXPECT_THAT(markdown, AllOf(HasSubstr("## explore: FAIL\n"), HasSubstr("| 1 | no-ghosts |"),
                              Not(HasSubstr("<b>&amp;amp;"))));
  EXPECT_THAT(to_markdown(failing_exploration()),
              AllOf(HasSubstr("| failures/001-story.md |"), HasSubstr("```text\nTime goes down")));
}

TEST(ExplorationJunit, HasACaseForEachInvariantThatBroke) {
  EXPECT_THAT(
      to_junit(failing_exploration()),
      AllOf(HasSubstr("<testsuite name=\"explore\" tests=\"2\" failures=\"2\" errors=\"0\""),
            HasSubstr("name=\"acked-present\""), HasSubstr("name=\"three-way-match\""),
            HasSubstr("Agent agent-2 was acknowledged and is missing."),
            Not(HasSubstr("name=\"schedules\""))));
}

TEST(ExplorationJunit, OfOneWithoutFailuresHasTheVerdictOfAllSchedulesAsItsCase) {
  EXPECT_THAT(to_junit(sound_exploration()),
              AllOf(HasSubstr("tests=\"1\" failures=\"0\" errors=\"0\""),
                    HasSubstr("name=\"schedules\" time=\"0\"/>")));
  Exploration unknown = sound_exploration();
  unknown.verdict = Verdict::kUnknown;
  unknown.reason = "no schedule came to its end";
  EXPECT_THAT(to_junit(unknown), AllOf(HasSubstr("tests=\"1\" failures=\"0\" errors=\"1\""),
                                       HasSubstr("; no schedule came to its end")));
}

TEST(ExplorationScript, IsTheCommand) {
  EXPECT_THAT(to_repro_script(failing_exploration()),
              AllOf(HasSubstr("#!/bin/sh\n# explore: FAIL ("),
                    HasSubstr("exec stress explore --out 'a folder/it'\\''s' \"$@\"\n")));
}

TEST(ChromeTrace, HasATrackForEachTaskAndASliceForEachStep) {
  const FailingSchedule schedule = lost_update();
  const nlohmann::json trace = nlohmann::json::parse(to_chrome_trace(schedule));
  std::map<std::pair<int, int>, std::string> threads;
  std::map<int, std::string> processes;
  std::size_t slices = 0;
  for (const nlohmann::json& event : trace.at("traceEvents")) {
    const int pid = event.at("pid");
    const int tid = event.at("tid");
    const std::string phase = event.at("ph");
    if (event.at("name") == "thread_name") threads[{pid, tid}] = event.at("args").at("name");
    if (event.at("name") == "process_name") processes[pid] = event.at("args").at("name");
    if (phase != "X") continue;
    EXPECT_EQ(event.at("ts"), schedule.steps[slices].begin_us);
    EXPECT_EQ(event.at("dur"), 10);
    EXPECT_TRUE(threads.contains({pid, tid}));
    EXPECT_EQ(event.at("args").at("call"), schedule.steps[slices].call);
    ++slices;
  }
  EXPECT_EQ(slices, schedule.steps.size());
  std::set<std::string> names;
  for (const auto& [place, name] : threads) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"A python3", "A.1 tmux", "B python3", "B.1 tmux"}));
  EXPECT_EQ(processes.at(1), "A: spawn worker1");
}

TEST(ChromeTrace, DrawsSwitchesAsFlowsAndCrashesAsInstants) {
  const auto events_of = [](const FailingSchedule& schedule, const std::string& phase) {
    nlohmann::json found = nlohmann::json::array();
    const nlohmann::json trace = nlohmann::json::parse(to_chrome_trace(schedule));
    for (const nlohmann::json& event : trace.at("traceEvents")) {
      if (event.at("ph") == phase) found.push_back(event);
    }
    return found;
  };
  const nlohmann::json starts = events_of(lost_update(), "s");
  const nlohmann::json ends = events_of(lost_update(), "f");
  ASSERT_EQ(starts.size(), ends.size());
  ASSERT_FALSE(starts.empty());
  EXPECT_EQ(starts[0].at("name"), "preemption");
  for (std::size_t i = 0; i < starts.size(); ++i) {
    EXPECT_EQ(starts[i].at("id"), ends[i].at("id"));
    EXPECT_EQ(starts[i].at("name"), ends[i].at("name"));
    EXPECT_EQ(ends[i].at("bp"), "e");
    EXPECT_NE(starts[i].at("tid"), ends[i].at("tid"));
  }
  const nlohmann::json crash = events_of(killed_before_the_session(), "i");
  ASSERT_EQ(crash.size(), 1u);
  EXPECT_EQ(crash[0].at("name"), "crash: start tmux");
  EXPECT_EQ(crash[0].at("s"), "g");
}

TEST(ChromeTrace, SlicesOfATrackNeverOverlapAndAnyBytesAreTaken) {
  FailingSchedule schedule = lost_update();
  schedule.steps[0].end_us = 1e9;
  schedule.steps[1].end_us = 0;
  const nlohmann::json trace = nlohmann::json::parse(to_chrome_trace(schedule));
  std::map<int, double> ends;
  for (const nlohmann::json& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    double& end = ends[event.at("tid")];
    EXPECT_GE(event.at("ts").get<double>(), end);
    EXPECT_GE(event.at("dur").get<double>(), 0);
    end = event.at("ts").get<double>() + event.at("dur").get<double>();
  }
  EXPECT_FALSE(nlohmann::json::parse(to_chrome_trace(nasty_schedule())).empty());
  EXPECT_EQ(nlohmann::json::parse(to_chrome_trace({})).at("traceEvents").size(), 0u);
}

}  // namespace
}  // namespace report::testing
