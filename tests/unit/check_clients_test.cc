// What is told of a history of clients.
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/check/clients.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Told : public ::testing::Test {
 protected:
  /// One event a line, as `write x 3` of a process: "0 invoke write x 3".
  ClientHistory history(const std::string& lines) {
    std::ofstream(folder_ / "h.jsonl") << lines;
    auto loaded = load_client_history(folder_ / "h.jsonl");
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message);
    return std::move(*loaded);
  }
  report::InvariantResult judge(const std::string& lines) {
    return check_clients(history(lines), ValueTable::kNil, {});
  }

 private:
  tests::TempFolder folder_;
};

std::string event(int process, const std::string& type, const std::string& rest) {
  return "{\"process\":" + std::to_string(process) + ",\"type\":\"" + type + "\"," + rest + "}\n";
}
std::string both(int process, const std::string& rest) {
  return event(process, "invoke", rest) + event(process, "ok", rest);
}

TEST_F(Told, ThreeOperationsAreEnoughForAStaleReadAmongMany) {
  std::string lines;
  for (int i = 10; i < 30; ++i) {
    lines += both(0, "\"f\":\"write\",\"key\":\"x\",\"value\":" + std::to_string(i));
    lines += both(1, "\"f\":\"read\",\"key\":\"x\",\"value\":" + std::to_string(i));
    lines += both(2, "\"f\":\"write\",\"key\":\"y\",\"value\":" + std::to_string(i));
  }
  lines += both(1, "\"f\":\"read\",\"key\":\"x\",\"value\":28");
  lines += both(1, "\"f\":\"read\",\"key\":\"x\",\"value\":29");
  const report::InvariantResult result = judge(lines);
  EXPECT_EQ(result.verdict, report::Verdict::kFail);
  ASSERT_EQ(result.violations_total, 1u);
  const report::Violation& told = result.violations.front();
  EXPECT_EQ(told.agent, "x");
  EXPECT_EQ(told.summary, "read x by process 1 (lines 121 to 122) returned 28; legal here: 29.");
  EXPECT_THAT(told.operations, ElementsAre("lines 109 to 110: process 0  write x 28 ok",
                                           "lines 115 to 116: process 0  write x 29 ok",
                                           "lines 121 to 122: process 1  read x returned 28"));
}

TEST_F(Told, WhatWouldHaveBeenLegalIsAllOfIt) {
  const report::InvariantResult result =
      judge(event(0, "invoke", R"("f":"write","value":4)") +
            event(1, "invoke", R"("f":"write","value":5)") + both(2, R"("f":"read","value":7)") +
            event(0, "ok", R"("f":"write","value":4)"));
  ASSERT_EQ(result.violations_total, 1u);
  EXPECT_THAT(result.violations.front().summary,
              HasSubstr("returned 7; legal here: 4, 5 or null."));
}

TEST_F(Told, ACompareAndSetThatCannotHaveSucceeded) {
  const report::InvariantResult result = judge(both(0, R"("f":"write","key":"x","value":1)") +
                                               both(1, R"("f":"cas","key":"x","value":[2,3])"));
  ASSERT_EQ(result.violations_total, 1u);
  EXPECT_EQ(result.violations.front().summary,
            "cas x 2 -> 3 by process 1 (lines 3 to 4) succeeded; legal here: fail.");
}

TEST_F(Told, WhatFailedDidNotHappenAndWhatIsUnknownMayHave) {
  const std::string write = R"("f":"write","value":1)";
  const std::string read = both(1, R"("f":"read","value":1)");
  EXPECT_EQ(judge(event(0, "invoke", write) + event(0, "fail", write) + read).verdict,
            report::Verdict::kFail);
  EXPECT_EQ(judge(event(0, "invoke", write) + event(0, "info", write) + read).verdict,
            report::Verdict::kPass);
  EXPECT_EQ(judge(event(0, "invoke", write) + read).verdict, report::Verdict::kPass);
}

TEST_F(Told, ARegisterBeginsWithWhatItIsSaidTo) {
  ClientHistory of = history(both(0, R"("f":"read","value":0)"));
  EXPECT_EQ(check_clients(of, ValueTable::kNil, {}).verdict, report::Verdict::kFail);
  const ValueTable::Id zero = of.values.intern(nlohmann::ordered_json(0));
  EXPECT_EQ(check_clients(of, zero, {}).verdict, report::Verdict::kPass);
}

TEST_F(Told, NothingToCheckIsUnknown) { EXPECT_EQ(judge("").verdict, report::Verdict::kUnknown); }

TEST_F(Told, OutOfTimeIsUnknown) {
  const ClientHistory of = history(both(0, R"("f":"write","value":1)"));
  const auto result = check_clients(of, ValueTable::kNil,
                                    {.deadline = std::chrono::steady_clock::time_point::min()});
  EXPECT_EQ(result.verdict, report::Verdict::kUnknown);
  EXPECT_THAT(result.evidence, HasSubstr("out of time on 1 key"));
}

TEST_F(Told, AnOrderOfCommitsIsHeldAgainstWhatWasAnswered) {
  const auto write = [](int process, int value, int at) {
    const std::string rest = "\"f\":\"write\",\"value\":" + std::to_string(value);
    return event(process, "ok", rest + ",\"committed\":" + std::to_string(at));
  };
  const std::string begin = event(0, "invoke", R"("f":"write","value":1)") +
                            event(1, "invoke", R"("f":"write","value":2)");
  const std::string read = both(2, R"("f":"read","value":1)");
  EXPECT_EQ(judge(begin + write(0, 1, 8) + write(1, 2, 7) + read).verdict, report::Verdict::kPass);
  const auto wrong = judge(begin + write(0, 1, 7) + write(1, 2, 8) + read);
  ASSERT_EQ(wrong.violations_total, 1u);
  EXPECT_THAT(wrong.violations.front().summary, HasSubstr("right after no commit"));
}

}  // namespace
}  // namespace stress
