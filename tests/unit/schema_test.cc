// Goal: what the writers write is what the published schemas say, and the schemas refuse what is
// wrong. Method: validate with an independent implementation (Python's jsonschema).
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "harness/check/invariants.h"
#include "harness/history/codec.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"
#include "tests/unit/evidence_builder.h"
#include "tests/unit/report_samples.h"

namespace {

/// Each line of `text` (or all of it as one document) against the schema; what the validator says.
std::string complaint(const std::string& schema, const std::string& text, bool by_line) {
  std::string pattern = (std::filesystem::temp_directory_path() / "ss schema-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return "mkdtemp failed";
  const std::filesystem::path folder = pattern;
  std::ofstream(folder / "document", std::ios::binary) << text;
  const std::string program = R"(
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
text = open(sys.argv[2], encoding="utf-8").read()
for document in (text.splitlines() if sys.argv[3] == "lines" else [text]):
    for error in validator.iter_errors(json.loads(document)):
        print(error.json_path, error.message[:200], document[:200])
print("checked")
)";
  const std::string command =
      report::shell_command({"/usr/bin/python3", "-c", program,
                             std::string(SPAWNSTORM_SOURCE_DIR "/scenarios/schema/") + schema,
                             (folder / "document").string(), by_line ? "lines" : "whole"});
  std::string out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) out.push_back(static_cast<char>(c));
  pclose(pipe);
  std::filesystem::remove_all(folder);
  return out;
}

std::string report_complaint(const std::string& json) {
  return complaint("report.schema.json", json, false);
}

TEST(Schemas, ReportsMatchTheirs) {
  using namespace report::testing;
  for (const report::Report& report : {passing_report(), failing_report(), unknown_report()}) {
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
  report.invariants[0].verdict = report::Verdict::kFail;  // without a violation
  EXPECT_NE(report_complaint(to_json(report)), "checked\n");
}

TEST(Schemas, CrashPointsMatchTheirs) {
  using namespace report::testing;
  for (const report::Crashes& crashes : {sound_crashes(), violated_crashes()}) {
    EXPECT_EQ(complaint("crashes.schema.json", to_json(crashes), false), "checked\n");
  }
}

TEST(Schemas, WrongCrashPointsAreRefused) {
  report::Crashes crashes = report::testing::sound_crashes();
  crashes.points[1].verdict = report::PointVerdict::kNotReached;  // and yet exhaustive
  EXPECT_NE(complaint("crashes.schema.json", to_json(crashes), false), "checked\n");
  crashes = report::testing::sound_crashes();
  crashes.points[0].verdict = report::PointVerdict::kViolation;  // of nothing
  EXPECT_NE(complaint("crashes.schema.json", to_json(crashes), false), "checked\n");
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
  add(*evidence.quiescence);
  add(stress::Finished{});
  EXPECT_EQ(complaint("history.schema.json", text, true), "checked\n");
}

TEST(Schemas, AWrongHistoryLineIsRefused) {
  for (const char* line : {R"({"event":"unheard"})", R"({"event":"invoke","id":-1})",
                           R"({"event":"stall","surprise":1})", R"({})"}) {
    EXPECT_NE(complaint("history.schema.json", line, true), "checked\n") << line;
  }
}

}  // namespace
