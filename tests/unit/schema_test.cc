// Goal: what the writers write is what the published schemas say, and the schemas refuse what is
// wrong. Method: validate with an independent implementation (Python's jsonschema).

#include <string>

#include <gtest/gtest.h>

#include "harness/check/invariants.h"
#include "harness/history/codec.h"
#include "reports/writers/writers.h"
#include "tests/unit/evidence_builder.h"
#include "tests/unit/exploration_samples.h"
#include "tests/unit/report_samples.h"
#include "tests/unit/schema_support.h"

namespace {

using stress::testing::schema_complaint;

std::string report_complaint(const std::string& json) {
  return schema_complaint("report.schema.json", json, false);
}

TEST(Schemas, ReportsMatchTheirs) {
  using namespace report::testing;
  for (const report::Report& report :
       {passing_report(), failing_report(), unknown_report(), known_report()}) {
    EXPECT_EQ(report_complaint(to_json(report)), "checked\n");
  }
}

TEST(Schemas, AJudgedRunMatches) {
  stress::Evidence evidence = stress::testing::good_run().evidence();
  evidence.leftovers.push_back({"process", "pid 1"});
  report::Report report = report::testing::passing_report();
  report.invariants = stress::check_all(evidence);
  report.verdict = stress::overall(evidence, report.invariants);
  ASSERT_EQ(report.verdict, report::Verdict::kFail);
  EXPECT_EQ(report_complaint(to_json(report)), "checked\n");
}

TEST(Schemas, AWrongReportIsRefused) {
  std::string json = to_json(report::testing::passing_report());
  json.replace(json.find("\"crashes_injected\": 10"), 22, "\"crashes_injected\": -1");
  EXPECT_NE(report_complaint(json).find("crashes_injected"), std::string::npos);
  report::Report report = report::testing::passing_report();
  for (const report::Verdict verdict : {report::Verdict::kFail, report::Verdict::kKnown}) {
    report.invariants[0].verdict = verdict;  // without a violation
    EXPECT_NE(report_complaint(to_json(report)), "checked\n");
  }
}

TEST(Schemas, CrashPointsMatchTheirs) {
  using namespace report::testing;
  for (const report::Crashes& crashes : {sound_crashes(), violated_crashes()}) {
    EXPECT_EQ(schema_complaint("crashes.schema.json", to_json(crashes), false), "checked\n");
  }
}

TEST(Schemas, WrongCrashPointsAreRefused) {
  report::Crashes crashes = report::testing::sound_crashes();
  crashes.points[1].verdict = report::PointVerdict::kNotReached;  // and yet exhaustive
  EXPECT_NE(schema_complaint("crashes.schema.json", to_json(crashes), false), "checked\n");
  crashes = report::testing::sound_crashes();
  crashes.points[0].verdict = report::PointVerdict::kViolation;  // of nothing
  EXPECT_NE(schema_complaint("crashes.schema.json", to_json(crashes), false), "checked\n");
}

std::string exploration_complaint(const report::Exploration& exploration) {
  return schema_complaint("exploration.schema.json", to_json(exploration), false);
}

TEST(Schemas, ExplorationsMatchTheirs) {
  using namespace report::testing;
  for (const report::Exploration& exploration : {sound_exploration(), failing_exploration()}) {
    EXPECT_EQ(exploration_complaint(exploration), "checked\n");
  }
  report::Exploration nasty = failing_exploration();
  nasty.failures = {deadlocked(), nasty_schedule()};
  EXPECT_EQ(exploration_complaint(nasty), "checked\n");
}

TEST(Schemas, WrongExplorationsAreRefused) {
  using namespace report::testing;
  report::Exploration wrong = sound_exploration();
  wrong.unknown = 1;  // and yet exhaustive
  EXPECT_NE(exploration_complaint(wrong), "checked\n");
  wrong = sound_exploration();
  wrong.verdict = report::Verdict::kFail;  // without a failure
  EXPECT_NE(exploration_complaint(wrong), "checked\n");
  wrong = failing_exploration();
  wrong.failures[0].broken.clear();
  EXPECT_NE(exploration_complaint(wrong), "checked\n");
  wrong = failing_exploration();
  wrong.failures[0].steps[0].act = "walk";
  EXPECT_NE(exploration_complaint(wrong), "checked\n");
}

TEST(Schemas, ScoresMatchTheirs) {
  report::Score score = report::testing::a_score();
  EXPECT_EQ(schema_complaint("score.schema.json", to_json(score), false), "checked\n");
  score.specimens[0].runs = 0;  // and yet found
  EXPECT_NE(schema_complaint("score.schema.json", to_json(score), false), "checked\n");
}

TEST(Schemas, HistoriesMatchTheirs) {
  stress::Evidence evidence = stress::testing::good_run().evidence();
  std::string text = encode(evidence.run) + "\n";
  const auto add = [&text](const stress::Event& event) { text += encode(event) + "\n"; };
  for (const auto& op : evidence.operations) {
    add(stress::Invocation{op});
    add(stress::Completion{op.id, 1, stress::OpOutcome::kOk, op.agent, "e", op.seen});
  }
  for (const auto& fault : evidence.faults) add(fault);
  for (const auto& snapshot : evidence.snapshots) add(snapshot);
  for (const auto& life : evidence.lives) add(life);
  for (const auto& repair : evidence.repairs) add(repair);
  for (const auto& bystander : evidence.bystanders) add(bystander);
  add(stress::SessionsView{.sessions = evidence.quiescence->sessions});
  add(stress::Leftover{"process", "pid 1"});
  add(stress::Stall{1, 2, true, "d"});
  add(stress::Trouble{"t"});
  evidence.quiescence->in_motion = {"a"};
  add(*evidence.quiescence);
  add(stress::Finished{});
  EXPECT_EQ(schema_complaint("history.schema.json", text, true), "checked\n");
}

TEST(Schemas, AWrongHistoryLineIsRefused) {
  for (const char* line : {R"({"event":"unheard"})", R"({"event":"invoke","id":-1})",
                           R"({"event":"stall","surprise":1})", R"({})"}) {
    EXPECT_NE(schema_complaint("history.schema.json", line, true), "checked\n") << line;
  }
}

}  // namespace
