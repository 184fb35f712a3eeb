// The judges of the state at rest and of repair: hierarchy-sound, no-ghosts, no-orphans,
// three-way-match, repair-idempotent, repair-harmless, progress, clean-exit.
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

// --- repair-idempotent ---

RepairRun& repair_of(RunStory& run, const std::string& role) {
  return *std::ranges::find(run.raw().repairs, role, &RepairRun::role);
}

TEST(RepairIdempotent, NamesASecondRepairThatDidSomething) {
  RunStory run = good_run();
  repair_of(run, "second").reported = 1;
  EXPECT_THAT(check_repair_idempotent(run.evidence()), FailsOnce("", "reported 1 repair"));
  run = good_run();
  repair_of(run, "second").changed_paths = {"registry.json"};
  EXPECT_THAT(check_repair_idempotent(run.evidence()), FailsOnce("", "changed registry.json"));
}

TEST(RepairIdempotent, NamesADryRunThatChangedAByteButNotOneThatReports) {
  RunStory run = good_run();
  repair_of(run, "dry-run").reported = 3;
  repair_of(run, "repair").changed_paths = {"registry.json"};
  EXPECT_THAT(check_repair_idempotent(run.evidence()), Passes());
  run.repair("dry-run-damaged", 70, 71).changed_paths = {"lock"};
  EXPECT_THAT(check_repair_idempotent(run.evidence()), FailsOnce("", "dry-run-damaged at"));
}

TEST(RepairIdempotent, IsUnknownWhereARunFailedOrIsMissing) {
  RunStory run = good_run();
  repair_of(run, "second").ok = false;
  repair_of(run, "second").error = "no lock";
  EXPECT_THAT(check_repair_idempotent(run.evidence()), IsUnknown("failed: no lock"));
  run = good_run();
  repair_of(run, "second").role = "repair";
  EXPECT_THAT(check_repair_idempotent(run.evidence()), IsUnknown("no second repair"));
  run = good_run();
  repair_of(run, "dry-run").role = "repair";
  EXPECT_THAT(check_repair_idempotent(run.evidence()), IsUnknown("no dry run"));
  run.target().has_repair = false;
  EXPECT_THAT(check_repair_idempotent(run.evidence()), IsNotApplicable());
}

// --- repair-harmless ---

TEST(RepairHarmless, NamesABystanderThatWasTouched) {
  RunStory run = good_run();
  run.raw().bystanders.push_back({"agent", "a", "pid 1", "pid 2"});
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("a", "did not come through"));
}

TEST(RepairHarmless, NamesTheAgentWhosePidAStrangerHadThatWasKilled) {
  RunStory run = good_run();
  run.raw().bystanders.push_back({"stranger", "b", "pid 1", "pid 1"});
  EXPECT_THAT(check_repair_harmless(run.evidence()), Passes());
  run.raw().bystanders.push_back({"stranger", "a", "pid 2", "dead"});
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("a", "A stranger"));
}

TEST(RepairHarmless, NamesAnAgentThatDiesWithoutReason) {
  RunStory run = good_run();
  run.death("a", 45, "SIGKILL", 1001);
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("a", "died at"));
}

TEST(RepairHarmless, NamesAnAgentThatTurnsTerminalWithoutReason) {
  RunStory run = good_run();
  run.set("e", "status", "failed");
  run.snapshot(60, 61, Phase::kFinal);
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("e", "turned \"failed\""));
}

TEST(RepairHarmless, AKillDoesNotExcuseAnEarlierEnd) {
  RunStory run = good_run();
  run.set("e", "status", "failed");
  run.snapshot(60, 61);
  run.kill("e", 62, 64);
  run.death("e", 63, "SIGHUP", 1005);
  run.snapshot(65, 66, Phase::kFinal);
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("e", "turned \"failed\""));
}

TEST(NoOrphans, AMarkedSessionWithoutAnAgentIsOneToo) {
  RunStory run = good_run();
  session_of(run, "e").alive = false;
  run.set("e", "status", "terminated");
  run.kill("e", 44, 46);
  run.snapshot(60, 61, Phase::kFinal);
  EXPECT_THAT(check_no_orphans(run.evidence()), FailsOnce("e", "is there at quiescence"));
}

TEST(RepairHarmless, ANeighboursKillOrARefusedOneIsNoReason) {
  RunStory run = good_run();
  run.kill("a", 44, 46).outcome = OpOutcome::kRefused;
  run.kill("a-1", 44, 46);
  run.death("a", 45, "SIGHUP", 1001);
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("a", "died at"));
}

TEST(RepairHarmless, EachGoodReasonCounts) {
  const auto with = [](void (*reason)(RunStory&)) {
    RunStory run = good_run();
    reason(run);
    run.death("e", 45, "SIGHUP", 1005);
    run.set("e", "status", "terminated");
    run.snapshot(60, 61, Phase::kFinal);
    return check_repair_harmless(run.evidence());
  };
  EXPECT_THAT(with([](RunStory&) {}), FailsOnce("e", "died at"));
  EXPECT_THAT(with([](RunStory& run) { run.kill("e", 44, std::nullopt); }), Passes());
  EXPECT_THAT(with([](RunStory& run) { run.update("e", "status", "completed", 44, 46); }),
              Passes());
  EXPECT_THAT(with([](RunStory& run) { run.fault("session-kill", 44, "e"); }), Passes());
  EXPECT_THAT(with([](RunStory& run) { run.fault("server-kill", 44); }), Passes());
  EXPECT_THAT(with([](RunStory& run) { run.death("e", 44, "exit", 1005); }), Passes());
  const auto crash_of_its_spawner_at = [&](std::int64_t at) {
    RunStory run = good_run();
    Fault& crash = run.fault("crash", at);
    crash.op = 1;  // of the process that spawned it
    crash.variant = "with-descendants";
    run.death("e", 45, "SIGHUP", 1005);
    run.snapshot(60, 61, Phase::kFinal);
    return check_repair_harmless(run.evidence());
  };
  EXPECT_THAT(crash_of_its_spawner_at(33), Passes());  // while it was being spawned
  EXPECT_THAT(crash_of_its_spawner_at(44), FailsOnce("e", "died at"));
  EXPECT_THAT(with([](RunStory& run) { run.fault("session-kill", 44, "e").injected = false; }),
              FailsOnce("e", "died at"));
  EXPECT_THAT(with([](RunStory& run) { run.update("e", "status", "working", 44, 46); }),
              FailsOnce("e", "died at"));
}

TEST(RepairHarmless, AServerKilledLongBeforeIsNoReason) {
  RunStory run = good_run();
  run.fault("server-kill", 45);
  run.spawn("late", 20'000, 20'001);
  run.birth("late", 20'000, 2000);
  run.record("late");
  run.death("late", 20'002, "SIGHUP", 2000);
  run.snapshot(20'003, 20'004, Phase::kFinal);
  EXPECT_THAT(check_repair_harmless(run.evidence()), FailsOnce("late", "died at"));
}

TEST(RepairHarmless, WhatHappensAfterTheLastLookIsTheHarnessClearingUp) {
  RunStory run = good_run();
  run.death("a", 100, "SIGKILL", 1001);
  EXPECT_THAT(check_repair_harmless(run.evidence()), Passes());
}

TEST(RepairHarmless, IsUnknownWithoutBystandersOrAgentsThatSpeak) {
  RunStory run = good_run();
  run.raw().bystanders.clear();
  EXPECT_THAT(check_repair_harmless(run.evidence()), IsUnknown("no bystander"));
  run.raw().run.engine = "schedule";  // of few agents: none may be left to watch over
  EXPECT_THAT(check_repair_harmless(run.evidence()), Passes());
  run = good_run();
  run.raw().lives.clear();
  EXPECT_THAT(check_repair_harmless(run.evidence()), IsUnknown("no agent told its birth"));
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
