// `stress check` and `stress history convert` on histories of any system's clients.
#include <fstream>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class CheckHistory : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  static base::Outcome check(const Words& more) {
    Words argv{STRESS_PROGRAM, "check"};
    argv.insert(argv.end(), more.begin(), more.end());
    return execute(argv);
  }

 private:
  tests::TempFolder folder_;
};

constexpr const char* kRegister =
    R"({"process":0,"type":"invoke","f":"write","key":"x","value":4}
{"process":0,"type":"ok","f":"write","key":"x","value":4}
{"process":1,"type":"invoke","f":"write","key":"x","value":5}
{"process":3,"type":"invoke","f":"read","key":"x"}
{"process":3,"type":"ok","f":"read","key":"x","value":7}
)";

constexpr const char* kStore = R"({:process 0, :type :invoke, :f :append, :value ["k" "a"]}
{:process 0, :type :ok, :f :append, :value ["k" "a"]}
{:process :nemesis, :type :info, :f :kill, :value nil}
{:process 1, :type :invoke, :f :get, :value ["k" nil]}
{:process 1, :type :ok, :f :get, :value ["k" "a"]}
)";

TEST_F(CheckHistory, AnIllegalOneIsAViolationWithWhatWouldHaveBeenLegal) {
  const base::Outcome outcome = check({file("h.jsonl", kRegister), "--model", "register"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("read x by process 3 (lines 4 to 5) returned 7; legal here: 4 or 5."));
}

TEST_F(CheckHistory, ALegalOneOfJepsensPasses) {
  const base::Outcome outcome = check({file("h.edn", kStore), "--model", "kv"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("2 operations on 1 key of a store"));
}

TEST_F(CheckHistory, JsonIsTheReport) {
  const base::Outcome outcome = check({file("h.jsonl", kRegister), "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  const Json report = Json::parse(outcome.out);
  EXPECT_EQ(report["verdict"], "fail");
  EXPECT_EQ(report["invariants"][0]["id"], "linearizable");
}

TEST_F(CheckHistory, OutOfTimeIsUnknown) {
  const base::Outcome outcome = check({file("h.edn", kStore), "--time-limit", "0.000000001"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("out of time"));
}

TEST_F(CheckHistory, WhatARegisterBeginsWithCanBeSaid) {
  const std::string history = file("h.jsonl",
                                   R"({"process":0,"type":"invoke","f":"read"}
{"process":0,"type":"ok","f":"read","value":0}
)");
  EXPECT_EQ(check({history}).exit_code, 1);
  EXPECT_EQ(check({history, "--initial", "0"}).exit_code, 0);
}

TEST_F(CheckHistory, WrongInputIsRefusedByOneSentence) {
  struct Bad {
    Words arguments;
    const char* says;
  };
  const std::string good = file("h.jsonl", kRegister);
  const std::string run = file("run.jsonl", "{\"event\":\"finished\"}\n");
  for (const Bad& bad : std::vector<Bad>{
           {{file("1.jsonl", "{\"process\":0}\n")}, "1.jsonl:1: 'type' must be"},
           {{file("2.edn", "{:process 0 :type")}, "2.edn:1: the text ends within a form"},
           {{good, "--model", "kv"}, "a history of clients of a register"},
           {{good, "--model", "registry"}, "a history of clients of a register"},
           {{run, "--model", "kv"}, "run.jsonl:1: is of a run of stress"},
           {{good, "--model", "queue"}, "queue"},
           {{good, "--initial", "{"}, "--initial {: is not JSON"},
           {{good, "--time-limit", "-1"}, "--time-limit"},
       }) {
    const base::Outcome outcome = check(bad.arguments);
    SCOPED_TRACE(bad.says);
    EXPECT_EQ(outcome.exit_code, kUsage) << outcome.out << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr(bad.says));
    EXPECT_LE(std::ranges::count(outcome.err, '\n'), 2) << outcome.err;
  }
}

TEST_F(CheckHistory, ConvertedThereAndBackItIsTheSame) {
  const std::string one = file("1.jsonl", kRegister);
  const auto convert = [](const std::string& from, const std::string& to) {
    return execute({STRESS_PROGRAM, "history", "convert", from, to});
  };
  EXPECT_EQ(convert(one, path("2.edn")).exit_code, 0);
  EXPECT_EQ(convert(path("2.edn"), path("3.jsonl")).exit_code, 0);
  EXPECT_EQ(check({path("2.edn")}).exit_code, 1);
  EXPECT_EQ(check({path("3.jsonl")}).exit_code, 1);
  const base::Outcome wrong = convert(one, path("4.txt"));
  EXPECT_EQ(wrong.exit_code, kUsage);
  EXPECT_THAT(wrong.err, EndsWith("ends in .edn or .jsonl\n"));
}

TEST_F(CheckHistory, ThatOfARunIsJudgedAsEver) {
  const base::Outcome outcome = check({file("run.jsonl", "{\"event\":\"finished\"}\n")});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("registry-readable"));
}

}  // namespace
}  // namespace e2e
