// Goal: an orchestrator that knows nothing of this project is tested by a file alone.
// Method: one of a few lines of shell, with processes for agents and a file each for a registry;
// and this project's own, by its command line.
#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/e2e/stress_program.h"

namespace e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOrchestrator = R"sh(#!/bin/sh
# COMMAND WORKSPACE [ARGUMENT]
set -eu
cd "$2"
case $1 in
  init) mkdir agents ;;
  spawn)
    id="$3-$$"
    setsid claude "$id" </dev/null >/dev/null 2>&1 &
    printf '{"id": "%s", "status": "running", "pid": %d}\n' "$id" $! >"agents/.$id"
    mv "agents/.$id" "agents/$id.json"
    echo "$id" ;;
  list) ls agents | sed 's/\.json$//' ;;
  kill)
    [ -e "agents/$3.json" ] || exit 3
    sed 's/running/ended/' "agents/$3.json" >"agents/.$3-$$"
    kill "$(sed 's/.*"pid": \([0-9]*\).*/\1/' "agents/$3.json")" 2>/dev/null || :
    mv "agents/.$3-$$" "agents/$3.json" ;;
esac
)sh";

constexpr const char* kTarget = R"({
  "name": "shell",
  "agent_binaries": ["claude"],
  "setup": {"argv": ["{target_dir}/orc.sh", "init", "{workspace}"]},
  "spawn": {"argv": ["{target_dir}/orc.sh", "spawn", "{workspace}", "{agent_type}"],
            "id": "stdout"},
  "kill": {"argv": ["{target_dir}/orc.sh", "kill", "{workspace}", "{agent_id}"],
           "refused": {"exit": [3]}},
  "list": {"argv": ["{target_dir}/orc.sh", "list", "{workspace}"], "ids": "stdout"},
  "observe": {"files": "{workspace}/agents/*.json", "read": "atomic", "id": "/id",
              "status": "/status", "pid": "/pid", "active": ["running"], "terminal": ["ended"]},
  "sessions": {"kind": "process"}
})";

class ShellTarget : public ::testing::Test {
 protected:
  ShellTarget() {
    std::ofstream(folder_ / "orc.sh") << kOrchestrator;
    std::filesystem::permissions(folder_ / "orc.sh", std::filesystem::perms::owner_all);
    std::ofstream(folder_ / "t.json") << kTarget;
  }
  [[nodiscard]] std::string file() const { return (folder_ / "t.json").string(); }
  base::Outcome storm(const Words& more = {}) const {
    Words argv{STRESS_PROGRAM,
               "run",
               "--target",
               file(),
               "--agents",
               "2",
               "--spawns",
               "3",
               "--json",
               "--out",
               (folder_ / "r").string()};
    argv.insert(argv.end(), more.begin(), more.end());
    return execute(argv);
  }
  tests::TempFolder folder_;
};

TEST_F(ShellTarget, LintSaysWhatItUnderstood) {
  const base::Outcome outcome = execute({STRESS_PROGRAM, "target", "lint", file()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("ok     spawn     acknowledged, the agent is worker0-"),
                                 HasSubstr("ok     agent     a stand-in was born"),
                                 HasSubstr("ok     kill      acknowledged"),
                                 HasSubstr("note   repair    not in the file"),
                                 HasSubstr("n/a    counts-match"), Not(HasSubstr("WRONG"))));
}

TEST_F(ShellTarget, LintSaysWhatIsNotAsTheFileSays) {
  std::string text = kTarget;
  text.replace(text.find("\"/status\""), 9, "\"/state\"");
  std::ofstream(folder_ / "t.json") << text;
  const base::Outcome outcome = execute({STRESS_PROGRAM, "target", "lint", file()});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("WRONG  registry  not readable: "));
  EXPECT_THAT(outcome.out, HasSubstr("has no status at /state"));
}

TEST_F(ShellTarget, AStormJudgesWhatIsOfferedAndNothingElse) {
  const base::Outcome outcome = storm({"--kill-rate", "0.5"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  const Json report = Json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(report.is_discarded()) << outcome.out;
  EXPECT_EQ(report["totals"]["spawns_acknowledged"], 6);
  const auto passed = invariants(report, "pass");
  for (const char* id : {"acked-present", "no-ghosts", "no-orphans", "three-way-match"}) {
    EXPECT_TRUE(passed.contains(id)) << id;
  }
  const auto left = invariants(report, "not-applicable");
  for (const char* id : {"counts-match", "hierarchy-sound", "repair-idempotent", "limits-hold"}) {
    EXPECT_TRUE(left.contains(id)) << id;
  }
}

TEST_F(ShellTarget, ALostRecordIsFound) {
  std::string script = kOrchestrator;
  const std::string commit = R"(mv "agents/.$id" "agents/$id.json")";
  script.replace(script.find(commit), commit.size(), "rm \"agents/.$id\"");
  std::ofstream(folder_ / "orc.sh") << script;
  const base::Outcome outcome = storm();
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out << outcome.err;
  const auto failed = invariants(Json::parse(outcome.out, nullptr, false), "fail");
  EXPECT_TRUE(failed.contains("acked-present"));
  EXPECT_TRUE(failed.contains("no-orphans"));
}

TEST_F(ShellTarget, WhatItCannotDoIsRefusedByName) {
  const base::Outcome outcome = storm({"--update-rate", "0.5"});
  EXPECT_EQ(outcome.exit_code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--update-rate 0.5: the target shell has no update"));
}

TEST(TargetFile, ATemplateIsWrittenOnceAndNeverOver) {
  const tests::TempFolder folder;
  const std::string file = (folder / "t.json").string();
  EXPECT_EQ(execute({STRESS_PROGRAM, "target", "new", file}).exit_code, 0);
  const std::string text = base::read_file(file).value_or("");
  EXPECT_THAT(text, HasSubstr("\"spawn\": {"));
  const base::Outcome again = execute({STRESS_PROGRAM, "target", "new", file});
  EXPECT_EQ(again.exit_code, kUsage);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  EXPECT_EQ(base::read_file(file).value_or(""), text);
}

TEST(TargetFile, AWrongOneIsRefusedWithItsLine) {
  const tests::TempFolder folder;
  std::ofstream(folder / "t.json") << "{\n  \"name\": 5\n}";
  for (const Words& command : {Words{"target", "lint"}, Words{"run", "--target"}}) {
    Words argv{STRESS_PROGRAM};
    argv.insert(argv.end(), command.begin(), command.end());
    argv.push_back((folder / "t.json").string());
    const base::Outcome outcome = execute(argv);
    EXPECT_EQ(outcome.exit_code, kUsage);
    EXPECT_THAT(outcome.err, HasSubstr("t.json:2: /name: must be a text, not 5"));
  }
}

TEST(TargetFile, OurOwnOrchestratorComesThroughAStormByItsCommandLine) {
  const tests::TempFolder folder;
  const base::Outcome outcome =
      execute({STRESS_PROGRAM, "run", "--target",
               SPAWNSTORM_SOURCE_DIR "/scenarios/targets/builtin-cli.json", "--agents", "2",
               "--spawns", "5", "--crash-rate", "0.2", "--kill-session-rate", "0.1", "--seed", "5",
               "--json", "--out", (folder / "r").string()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  const Json report = Json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(report.is_discarded()) << outcome.out;
  EXPECT_EQ(report["totals"]["spawns_acknowledged"], 10);
  EXPECT_EQ(invariants(report, "not-applicable"), std::set<std::string>{"no-duplicates"});
}

}  // namespace
}  // namespace e2e
