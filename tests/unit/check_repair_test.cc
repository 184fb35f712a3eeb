// The judges of repair: repair-idempotent, repair-harmless.
#include <gtest/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

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

}  // namespace
}  // namespace stress::testing
