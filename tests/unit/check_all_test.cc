// All judges together, and those that only some runs need.
#include <gmock/gmock.h>

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Not;

TEST(AllInvariants, PassOnACorrectRunWithCrashesKillsAndRepairs) {
  RunStory run = good_run();
  run.target().promises_no_duplicates = true;
  run.target().max_concurrent = 5;
  run.target().max_agents = 5;
  run.target().max_depth = 2;
  // Not twice one type at a time.
  Evidence evidence = run.evidence();
  for (Snapshot& snapshot : evidence.snapshots) {
    for (ObservedAgent& agent : snapshot.changed) agent.type = "type-" + agent.id;
  }
  const auto results = check_all(evidence);
  ASSERT_EQ(results.size(), 15u);
  for (const auto& result : results) EXPECT_THAT(result, Passes());
  EXPECT_EQ(overall(evidence, results), report::Verdict::kPass);
  EXPECT_EQ(why_unknown(evidence, results), "");
}

TEST(AllInvariants, SayNothingGoodOfARunWithoutEvidence) {
  Evidence nothing;
  nothing.run.target = RunStory().target();
  nothing.run.target.max_concurrent = 1;
  nothing.run.target.promises_no_duplicates = true;
  for (const bool finished : {false, true}) {
    nothing.finished = finished;
    for (const auto& result : check_all(nothing)) {
      if (finished && result.id == "clean-exit") continue;  // then the search was made
      EXPECT_EQ(result.verdict, report::Verdict::kUnknown) << explain(result);
    }
    EXPECT_EQ(overall(nothing, check_all(nothing)), report::Verdict::kUnknown);
  }
}

TEST(AllInvariants, DoNotPassOnAnUnfinishedRun) {
  Evidence evidence = good_run().evidence();
  evidence.finished = false;
  for (const auto& result : check_all(evidence)) {
    EXPECT_NE(result.verdict, report::Verdict::kPass) << explain(result);
    EXPECT_NE(result.verdict, report::Verdict::kFail) << explain(result);
  }
  EXPECT_EQ(why_unknown(evidence, check_all(evidence)), "the run did not come to its planned end");
}

TEST(AllInvariants, TroubleOfTheHarnessMakesARunUnknownButHidesNoViolation) {
  RunStory run = good_run();
  run.raw().troubles.push_back({"the recorder was full"});
  EXPECT_EQ(overall(run.evidence(), check_all(run.evidence())), report::Verdict::kUnknown);
  EXPECT_NE(why_unknown(run.evidence(), check_all(run.evidence())).find("recorder"),
            std::string::npos);
  run.raw().leftovers.push_back({"process", "pid 7"});
  EXPECT_EQ(overall(run.evidence(), check_all(run.evidence())), report::Verdict::kFail);
}

TEST(AllInvariants, TellAViolationWithOperationsFaultAndRecord) {
  RunStory run = good_run();
  run.remove("a");
  run.snapshot(60, 61, Phase::kFinal);
  const auto result = check_acked_present(run.evidence());
  ASSERT_THAT(result, FailsOnce("a", "is missing"));
  const report::Violation& violation = result.violations.front();
  ASSERT_FALSE(violation.operations.empty());
  EXPECT_NE(violation.operations.front().find("p1.t1  spawn #1 ok  a T worker"), std::string::npos)
      << violation.operations.front();
  EXPECT_NE(violation.fault.find("session-kill c"), std::string::npos) << violation.fault;
  EXPECT_NE(violation.registry_before.find("\"status\": \"working\""), std::string::npos);
  EXPECT_EQ(violation.registry_after, "(absent)");
}

TEST(UnaimedSpawns, AreJudgedOnlyWhereThereAreSome) {
  const auto ids = [](const Evidence& evidence) {
    std::vector<std::string> found;
    for (const report::InvariantResult& one : check_all(evidence)) found.push_back(one.id);
    return found;
  };
  RunStory run = good_run();
  EXPECT_THAT(ids(run.evidence()), Not(Contains("usable-afterwards")));
  run.spawn("z", 9'000, 9'001).client = kAfterwardsClient;
  EXPECT_THAT(ids(run.evidence()),
              AllOf(Contains("usable-afterwards"), Not(Contains("bystander-unharmed"))));
}

TEST(UnaimedSpawns, TheLastAttemptCounts) {
  RunStory run = good_run();
  Operation& first = run.spawn("", 9'000, 9'001);
  first.client = kAfterwardsClient;
  first.outcome = OpOutcome::kInfo;
  first.error = "busy";
  EXPECT_THAT(check_usable_afterwards(run.evidence()), FailsOnce("", "in 1 attempt: busy"));
  run.spawn("z", 9'100, 9'101).client = kAfterwardsClient;
  EXPECT_THAT(check_usable_afterwards(run.evidence()), Passes());
}

TEST(UnaimedSpawns, WhoWasCutOffProvesNothing) {
  RunStory run = good_run();
  run.spawn_crashed(9'000).client = kBystanderClient;
  EXPECT_THAT(check_bystander_unharmed(run.evidence()), IsUnknown("cut off"));
}

}  // namespace
}  // namespace stress::testing
