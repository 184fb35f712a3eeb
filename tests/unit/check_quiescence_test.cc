// The judges of the state at rest, hierarchy-sound, no-ghosts, no-orphans and three-way-match, and
// of how a run ends: progress, clean-exit.
#include <gtest/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

ObservedSession& session_of(RunStory& run, const std::string& agent) {
  auto& sessions = run.raw().quiescence->sessions;
  return *std::ranges::find(sessions, agent, &ObservedSession::agent);
}

TEST(Quiescence, WithoutItNothingIsConcluded) {
  RunStory run = good_run();
  run.raw().quiescence->reached = false;
  run.raw().quiescence->why_not = "the sessions kept changing";
  for (const Invariant invariant :
       {check_hierarchy_sound, check_no_ghosts, check_no_orphans, check_three_way_match}) {
    EXPECT_THAT(invariant(run.evidence()), IsUnknown("the sessions kept changing"));
  }
}

TEST(Quiescence, WithoutAReadableFinalRegistryNothingIsConcluded) {
  RunStory run = good_run();
  run.damaged(60, 61, "torn").phase = Phase::kFinal;
  for (const Invariant invariant :
       {check_hierarchy_sound, check_no_ghosts, check_no_orphans, check_three_way_match}) {
    EXPECT_THAT(invariant(run.evidence()), IsUnknown("could not be read"));
  }
}

TEST(Quiescence, WithoutSessionsTheirInvariantsDoNotApply) {
  RunStory run = good_run();
  run.target().sessions = "none";
  for (const Invariant invariant : {check_no_ghosts, check_no_orphans, check_three_way_match}) {
    EXPECT_THAT(invariant(run.evidence()), IsNotApplicable());
  }
}

TEST(Quiescence, AnEmptyRunProvesNothing) {
  RunStory run;
  run.quiet(0);
  for (const Invariant invariant :
       {check_hierarchy_sound, check_no_ghosts, check_no_orphans, check_three_way_match}) {
    EXPECT_THAT(invariant(run.evidence()), IsUnknown("nothing to check"));
  }
}

TEST(Quiescence, ARunWhoseAgentsHaveAllEndedPasses) {
  RunStory run;
  run.spawn("a", 0, 1);
  run.birth("a", 1);
  run.record("a");
  run.kill("a", 2, 3);
  run.set("a", "status", "terminated");
  run.quiet(5);
  for (const Invariant invariant :
       {check_hierarchy_sound, check_no_ghosts, check_no_orphans, check_three_way_match}) {
    EXPECT_THAT(invariant(run.evidence()), Passes());
  }
}

// --- hierarchy-sound ---

report::InvariantResult judge_hierarchy(void (*change)(RunStory&)) {
  RunStory run = good_run();
  change(run);
  run.snapshot(60, 61, Phase::kFinal);
  return check_hierarchy_sound(run.evidence());
}

TEST(HierarchySound, NamesEachWayToBreakIt) {
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.record("e").parent = "nobody"; }),
              FailsOnce("e", "has no record"));
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.record("e").task = "U"; }),
              FailsOnce("e", "has the parent a of task T"));
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.record("e").depth = 3; }),
              FailsOnce("e", "at depth 3 below a at depth 1"));
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.record("b").depth = 2; }),
              FailsOnce("b", "below the root at depth 2"));
}

TEST(HierarchySound, NamesACycle) {
  const auto result = judge_hierarchy([](RunStory& run) {
    run.record("a").parent = "e";
    run.record("a").depth.reset();
    run.record("e").depth.reset();
  });
  EXPECT_THAT(result, FailsOnce("a", "among its own ancestors"));
}

TEST(HierarchySound, DepthsMayCountFromZeroOrNotBeTold) {
  const auto from_zero = judge_hierarchy([](RunStory& run) {
    for (const char* id : {"a", "b", "c", "d", "e"}) --*run.record(id).depth;
  });
  EXPECT_THAT(from_zero, Passes());
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.record("e").depth.reset(); }), Passes());
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.record("a").parent = ""; }), Passes());
}

TEST(HierarchySound, AParentMayBeGoneWhereRecordsAreRemoved) {
  const auto result = judge_hierarchy([](RunStory& run) {
    run.target().removes_records = true;
    run.remove("a");
  });
  EXPECT_THAT(result, Passes());
}

TEST(HierarchySound, IsNotApplicableWithoutHierarchy) {
  EXPECT_THAT(judge_hierarchy([](RunStory& run) { run.target().has_hierarchy = false; }),
              IsNotApplicable());
}

// --- no-ghosts ---

TEST(NoGhosts, NamesARecordWithoutItsSession) {
  RunStory run = good_run();
  std::erase_if(run.raw().quiescence->sessions,
                [](const ObservedSession& session) { return session.agent == "a"; });
  EXPECT_THAT(check_no_ghosts(run.evidence()), FailsOnce("a", "has no session"));
}

TEST(NoGhosts, AnotherSessionOrProcessIsNotItsOwn) {
  RunStory run = good_run();
  session_of(run, "a").name = "agent_other";
  EXPECT_THAT(check_no_ghosts(run.evidence()), FailsOnce("a", "but lives in"));
  run = good_run();
  session_of(run, "a").pid = 4711;
  EXPECT_THAT(check_no_ghosts(run.evidence()), FailsOnce("a", "is recorded as process 1001"));
  run = good_run();
  session_of(run, "a").alive = false;
  EXPECT_THAT(check_no_ghosts(run.evidence()), FailsOnce("a", "no living agent"));
}

TEST(NoGhosts, ASessionWithoutMarkIsFoundByItsName) {
  RunStory run = good_run();
  session_of(run, "a").agent = "";
  EXPECT_THAT(check_no_ghosts(run.evidence()), Passes());
}

TEST(NoGhosts, ARecordThatClaimsNoSessionNeedsNone) {
  RunStory run = good_run();
  run.record("f").status = "starting";
  run.snapshot(60, 61, Phase::kFinal);
  EXPECT_THAT(check_no_ghosts(run.evidence()), Passes());
  run.target().claims_session.clear();  // then every active one does
  EXPECT_THAT(check_no_ghosts(run.evidence()), FailsOnce("f", "has no session"));
}

// --- no-orphans ---

TEST(NoOrphans, NamesASessionWithoutAnActiveRecord) {
  RunStory run = good_run();
  run.raw().quiescence->sessions.push_back({"agent_x", "x", true, 9, true});
  EXPECT_THAT(check_no_orphans(run.evidence()), FailsOnce("x", "its agent has no record"));
  run = good_run();
  run.raw().quiescence->sessions.push_back({"agent_b", "b", true, 9, true});
  EXPECT_THAT(check_no_orphans(run.evidence()), FailsOnce("b", "record is \"terminated\""));
  run = good_run();
  run.raw().quiescence->sessions.push_back({"agent_?", "", true, 9, true});
  EXPECT_THAT(check_no_orphans(run.evidence()), FailsOnce("", "(unknown)"));
}

TEST(NoOrphans, ForeignAndKeptSessionsAreNone) {
  RunStory run = good_run();
  run.raw().quiescence->sessions.push_back({"mine", "", false, 9, true});
  EXPECT_THAT(check_no_orphans(run.evidence()), Passes());
  run.target().keeps_finished_sessions = true;
  run.raw().quiescence->sessions.push_back({"agent_b", "b", true, 9, true});
  EXPECT_THAT(check_no_orphans(run.evidence()), Passes());
}

TEST(NoOrphans, TellsTheSpawnsOfUnknownOutcomeWhereNoOperationNamesTheAgent) {
  RunStory run = good_run();
  run.raw().quiescence->sessions.push_back({"agent_x", "x", true, 9, true});
  const auto result = check_no_orphans(run.evidence());
  ASSERT_EQ(result.violations.front().operations.size(), 1u);
  EXPECT_NE(result.violations.front().operations.front().find("no reply  p1.t1  spawn #4 info"),
            std::string::npos)
      << result.violations.front().operations.front();
}

TEST(NoOrphans, AMarkedSessionWithoutAnAgentIsOneToo) {
  RunStory run = good_run();
  session_of(run, "e").alive = false;
  run.set("e", "status", "terminated");
  run.kill("e", 44, 46);
  run.snapshot(60, 61, Phase::kFinal);
  EXPECT_THAT(check_no_orphans(run.evidence()), FailsOnce("e", "is there at quiescence"));
}

// --- three-way-match ---

TEST(ThreeWayMatch, NamesTheAgentThatIsMissingInOneOfThree) {
  RunStory run = good_run();
  run.raw().quiescence->living_agents.erase("a");
  EXPECT_THAT(check_three_way_match(run.evidence()), FailsOnce("a", "and 0 living processes"));
  run = good_run();
  run.raw().quiescence->living_agents["a"].push_back(99);
  EXPECT_THAT(check_three_way_match(run.evidence()), FailsOnce("a", "and 2 living processes"));
  run = good_run();
  run.raw().quiescence->living_agents["b"] = {1002};
  EXPECT_THAT(check_three_way_match(run.evidence()), FailsOnce("b", "0 active records"));
  run = good_run();
  run.raw().quiescence->sessions.push_back({"agent_a2", "a", true, 99, true});
  EXPECT_THAT(check_three_way_match(run.evidence()), FailsOnce("a", "2 marked sessions"));
  run = good_run();
  run.record("f").status = "stopping";
  run.snapshot(60, 61, Phase::kFinal);
  EXPECT_THAT(check_three_way_match(run.evidence()), FailsOnce("f", "0 marked sessions"));
}

TEST(ThreeWayMatch, FinishedAgentsMayKeepTheirSessionsWhereTheTargetSaysSo) {
  RunStory run = good_run();
  run.target().keeps_finished_sessions = true;
  run.raw().quiescence->sessions.push_back({"agent_b", "b", true, 1002, true});
  run.raw().quiescence->living_agents["b"] = {1002};
  EXPECT_THAT(check_three_way_match(run.evidence()), Passes());
}

TEST(ThreeWayMatch, IsUnknownWhereNoAgentEverSpokeAndTwoWaysWhereNoneCan) {
  RunStory run = good_run();
  run.raw().lives.clear();
  run.raw().quiescence->living_agents.clear();
  EXPECT_THAT(check_three_way_match(run.evidence()), IsUnknown("no agent told its birth"));
  run.target().agents_report = false;
  EXPECT_THAT(check_three_way_match(run.evidence()), Passes());
}

// --- progress, clean-exit ---

TEST(Progress, AProvenStallIsAViolationAnUnprovenOneUnknown) {
  RunStory run = good_run();
  EXPECT_THAT(check_progress(run.evidence()), Passes());
  run.raw().stalls.push_back({5, RunStory::ms(40'000), false, ""});
  EXPECT_THAT(check_progress(run.evidence()), IsUnknown("1 operation overdue"));
  run.raw().stalls.push_back({5, RunStory::ms(40'000), true, "flock on registry.lock"});
  EXPECT_THAT(check_progress(run.evidence()), FailsOnce("a", "flock on registry.lock"));
  EXPECT_EQ(check_progress(run.evidence()).unjudged,
            "1 operation overdue, but not proven to be stuck");
}

TEST(CleanExit, NamesEachThingLeftBehind) {
  RunStory run = good_run();
  EXPECT_THAT(check_clean_exit(run.evidence()), Passes());
  run.raw().leftovers.push_back({"temp-file", "registry.json.tmp-1"});
  EXPECT_THAT(check_clean_exit(run.evidence()), FailsOnce("", "registry.json.tmp-1"));
  run.raw().leftovers.push_back({"process", "pid 7"});
  EXPECT_EQ(check_clean_exit(run.evidence()).violations_total, 2u);
}

}  // namespace
}  // namespace stress::testing
