// An audit judges one state of an installation in use by the same definitions as a run.
#include <gtest/gtest.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

/// Two agents with sessions, one that is being started, one that has ended.
RunStory installation() {
  RunStory run;
  run.target().agents_report = false;
  run.record("a");
  run.record("b");
  run.record("c").status = "starting";
  run.record("d").status = "completed";
  run.snapshot(0, 1, Phase::kFinal);
  Quiescence& quiet = run.raw().quiescence.emplace();
  quiet.reached = true;
  quiet.sessions = {{"agent_a", "a", true, *run.record("a").pid, true},
                    {"agent_b", "b", true, *run.record("b").pid, true}};
  return run;
}

report::InvariantResult judged(const RunStory& run, const std::string& id) {
  const auto results = check_audit(run.evidence());
  return *std::ranges::find(results, id, &report::InvariantResult::id);
}

TEST(Audit, OfASoundInstallationPasses) {
  const Evidence evidence = installation().evidence();
  const auto results = check_audit(evidence);
  EXPECT_EQ(overall(evidence, results), report::Verdict::kPass) << why_unknown(evidence, results);
  for (const char* id : {"registry-readable", "unique-ids", "no-ghosts", "no-orphans"}) {
    EXPECT_THAT(judged(installation(), id), Passes());
  }
}

TEST(Audit, NeverPassesWhatOneStateCannotTell) {
  for (const char* id : {"acked-present", "no-lost-update", "three-way-match", "repair-idempotent",
                         "repair-harmless", "progress", "clean-exit"}) {
    EXPECT_THAT(judged(installation(), id), IsNotApplicable());
  }
}

TEST(Audit, FindsAGhostAndAnOrphan) {
  RunStory run = installation();
  run.raw().quiescence->sessions[0].agent = "x";
  EXPECT_THAT(judged(run, "no-ghosts"), FailsOnce("a", "has no session"));
  EXPECT_THAT(judged(run, "no-orphans"), FailsOnce("x", "has no record"));
}

TEST(Audit, DoesNotJudgeWhatIsInMotion) {
  RunStory run = installation();
  run.raw().quiescence->sessions[0].agent = "x";
  run.raw().quiescence->in_motion = {"a", "x"};
  EXPECT_THAT(judged(run, "no-ghosts"), Passes());
  EXPECT_THAT(judged(run, "no-orphans"), Passes());
}

TEST(Audit, OfAnInstallationWithoutAgentsLeavesNoQuestionOpen) {
  RunStory run;
  run.snapshot(0, 1, Phase::kFinal);
  run.raw().quiescence.emplace().reached = true;
  const auto results = check_audit(run.evidence());
  EXPECT_EQ(overall(run.evidence(), results), report::Verdict::kPass)
      << why_unknown(run.evidence(), results);
  EXPECT_THAT(judged(run, "no-ghosts"), IsNotApplicable());
}

TEST(Audit, WithoutAnAnswerIsUnknown) {
  RunStory run = installation();
  run.raw().quiescence->reached = false;
  run.raw().quiescence->why_not = "the session host did not answer";
  EXPECT_THAT(judged(run, "no-ghosts"), IsUnknown("did not answer"));
  EXPECT_EQ(overall(run.evidence(), check_audit(run.evidence())), report::Verdict::kUnknown);
}

}  // namespace
}  // namespace stress::testing
