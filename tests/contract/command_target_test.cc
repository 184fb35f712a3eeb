// Goal: operations of a target file do what the file says, and what a command says is understood.
// Method: orchestrators of a few lines of shell, in the environment that a run would give them.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/target/command.h"
#include "harness/target/stand_ins.h"
#include "tests/unit/target_file_support.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json shell(const std::string& script) { return {"/bin/sh", "-c", script, "sh"}; }

class CommandTargets : public ::testing::Test {
 protected:
  CommandTargets() : description_(testing::smallest_target()) {
    place_.workspace = folder_.path() / "workspace";
    place_.agent_log = folder_.path() / "agents.jsonl";
    place_.scratch = folder_.path() / "scratch";
    fs::create_directory(folder_.path() / "home");
    place_.env = {"PATH=/usr/bin:/bin", "HOME=" + (folder_.path() / "home").string(),
                  "TMUX_TMPDIR=" + folder_.path().string()};
  }
  void operation(const std::string& name, const std::string& script,
                 const json& more = json::object()) {
    description_[name] = {{"argv", shell(script)}};
    if (name == "spawn") description_[name]["id"] = "stdout";
    description_[name].update(more);
  }
  void argument(const std::string& name, const std::string& text) {
    description_[name]["argv"].push_back(text);
  }
  Target& target() {
    if (target_) return *target_;
    folder_.write("t.json", description_);
    const std::string file = (folder_.path() / "t.json").string();
    const base::Status furnished = furnish(file, place_);
    EXPECT_TRUE(furnished) << (furnished ? "" : furnished.error().message);
    auto made = make_target(file, place_);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    target_ = *std::move(made);
    const base::Status ready = target_->setup({});
    EXPECT_TRUE(ready) << (ready ? "" : ready.error().message);
    return *target_;
  }
  testing::TargetFolder folder_;
  json description_;
  RunPlace place_;
  std::unique_ptr<Target> target_;
};

TEST_F(CommandTargets, ASpawnIsToldItsOperationAndItsIdIsTheLastLine) {
  operation("spawn", R"(echo working...; echo "$1/$2/$3"; echo)");
  for (const char* word : {"{task}", "{agent_type}", "{parent}"}) argument("spawn", word);
  description_["observe"]["parent"] = "/parent";
  description_["observe"]["root"] = "top";
  const Reply reply = target().spawn({.task = "T", .type = "coder"});
  EXPECT_EQ(reply.outcome, OpOutcome::kOk) << reply.error;
  EXPECT_EQ(reply.agent, "T/coder/top");
  EXPECT_EQ(target().spawn({.task = "T", .type = "coder", .parent = "a-1"}).agent, "T/coder/a-1");
  EXPECT_THAT(target().tasks(), ElementsAre("TASK-A", "TASK-B"));
}

TEST_F(CommandTargets, AnIdIsReadFromTheWholeOutputOrItsLastLine) {
  operation("spawn", R"(echo "a log line"; echo '{"agent": {"id": 7}}')", {{"id", "/agent/id"}});
  EXPECT_EQ(target().spawn({}).agent, "7");
}

TEST_F(CommandTargets, ExitZeroWithoutAnIdMayHaveHappened) {
  operation("spawn", "echo '{}'", {{"id", "/id"}});
  const Reply reply = target().spawn({});
  EXPECT_EQ(reply.outcome, OpOutcome::kInfo);
  EXPECT_THAT(reply.error, HasSubstr("no id at /id"));
}

TEST_F(CommandTargets, OnlyADeclaredExitCodeIsARefusal) {
  operation("spawn", R"(echo "too many" >&2; exit "$1")", {{"refused", {{"exit", {3}}}}});
  argument("spawn", "{agent_type}");
  EXPECT_EQ(target().spawn({.type = "3"}).outcome, OpOutcome::kRefused);
  const Reply other = target().spawn({.type = "1"});
  EXPECT_EQ(other.outcome, OpOutcome::kInfo);
  EXPECT_EQ(other.error, "exit 1: too many");
}

// Of a long output the beginning and the end are searched: an id that was cut would name an agent
// that nobody ever made.
TEST_F(CommandTargets, AnIdInALongOutputIsWholeAndARefusalAtItsEndIsHeard) {
  operation("spawn", R"(printf '%4085s\n' ''; echo agent abcdef123)",
            {{"id", {{"text", "agent ([a-z0-9]+)"}}}});
  operation("kill", R"(printf '%9000s\nno such agent\n' '' >&2; : "$1"; exit 1)",
            {{"refused", {{"text", "no such agent"}}}});
  argument("kill", "{agent_id}");
  EXPECT_EQ(target().spawn({}).agent, "abcdef123");
  EXPECT_EQ(target().kill("a-1").outcome, OpOutcome::kRefused);
}

TEST_F(CommandTargets, OfAnEndlessLineAHistoryGetsTheBeginning) {
  operation("spawn", R"(head -c 1000000 /dev/zero | tr '\0' x >&2; exit 1)");
  const std::string error = target().spawn({}).error;
  EXPECT_THAT(error, HasSubstr("exit 1: xxx"));
  EXPECT_LT(error.size(), 1000U);
}

TEST_F(CommandTargets, AKilledOrLateCommandMayHaveHappened) {
  operation("spawn", "kill -9 $$");
  operation("kill", "sleep 600; : \"$1\"");
  argument("kill", "{agent_id}");
  description_["timeout_ms"] = 50;
  const Reply killed = target().spawn({});
  EXPECT_EQ(killed.outcome, OpOutcome::kInfo);
  EXPECT_EQ(killed.error, "killed by signal 9 (Killed)");
  const Reply late = target().kill("a-1");
  EXPECT_EQ(late.outcome, OpOutcome::kInfo);
  EXPECT_EQ(late.error, "no reply within 550 ms");
}

// One that was killed when its deadline passed could never be seen to be stuck.
TEST_F(CommandTargets, ACommandOutlivesTheDeadlineThatItIsJudgedBy) {
  operation("kill", "sleep 0.3; : \"$1\"");
  argument("kill", "{agent_id}");
  description_["timeout_ms"] = 100;
  EXPECT_EQ(target().reply_deadline(), std::chrono::milliseconds(100));
  EXPECT_EQ(target().kill("a-1").outcome, OpOutcome::kOk);
}

TEST_F(CommandTargets, OnlyFieldsThatTheUpdateIsToldAreOffered) {
  operation("update", R"(echo "$1 $2" > "$3/update")", {{"statuses", {"up"}}});
  for (const char* word : {"{agent_id}", "{status}", "{workspace}"}) argument("update", word);
  EXPECT_THAT(target().offers().update_fields, ElementsAre("status"));
  EXPECT_THAT(target().offers().statuses, ElementsAre("up"));
  EXPECT_EQ(target().update("a-1", {{"status", "up"}}).outcome, OpOutcome::kOk);
  std::string text;
  std::getline(std::ifstream(place_.workspace / "update") >> std::ws, text);
  EXPECT_EQ(text, "a-1 up");
}

TEST_F(CommandTargets, AListIsReadInEachOfItsForms) {
  operation("list", R"(echo '{"a": {"x": {}, "y": {}}}')", {{"ids", "/a"}});
  EXPECT_THAT(target().list().seen, ElementsAre("x", "y"));
  target_.reset();
  operation("list", R"(echo '{"a": [{"n": "x"}, {"n": 2}]}')", {{"ids", "/a"}, {"id", "/n"}});
  EXPECT_THAT(target().list().seen, ElementsAre("x", "2"));
  target_.reset();
  operation("list", R"(echo '{"a": ["x", "y"]}')", {{"ids", "/a"}});
  EXPECT_THAT(target().list().seen, ElementsAre("x", "y"));
  target_.reset();
  operation("list", R"(echo '{"b": []}')", {{"ids", "/a"}});
  EXPECT_EQ(target().list().outcome, OpOutcome::kInfo);
  target_.reset();
  operation("list", "echo x; echo; echo y", {{"ids", "stdout"}});
  EXPECT_THAT(target().list().seen, ElementsAre("x", "y"));
}

TEST_F(CommandTargets, WhatIsNotInTheFileIsNotOffered) {
  const TargetOffers offers = target().offers();
  EXPECT_FALSE(offers.kill || offers.list || offers.validate || offers.parents || offers.limits ||
               offers.preload || offers.unique_types);
  EXPECT_TRUE(offers.update_fields.empty());
  const TargetFacts facts = target().facts();
  EXPECT_FALSE(facts.has_repair || facts.has_dry_run || facts.has_counts || facts.has_hierarchy ||
               facts.live_snapshots || facts.agents_report);
  EXPECT_TRUE(target().runs_commands());
}

TEST_F(CommandTargets, ARepairSaysHowMuchItRepaired) {
  operation("repair", R"(echo "{\"repaired\": $#}")",
            {{"repaired", "/repaired"}, {"dry_run", {"--dry-run"}}});
  EXPECT_EQ(target().repair(false).reported, 0);
  EXPECT_EQ(target().repair(true).reported, 1);
}

TEST_F(CommandTargets, ASetupThatFailsSaysWhy) {
  description_["setup"] =
      json::array({{{"argv", shell("exit 0")}}, {{"argv", shell("echo no room >&2; exit 9")}}});
  folder_.write("t.json", description_);
  const auto made = make_target((folder_.path() / "t.json").string(), place_);
  ASSERT_TRUE(made);
  const base::Status ready = (*made)->setup({});
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("t.json: setup: /bin/sh -c echo no room"));
  EXPECT_THAT(ready.error().message, HasSubstr("exit 9: no room"));
}

TEST_F(CommandTargets, EveryAgentThatCostsMoneyIsAStandIn) {
  operation("spawn", R"(command -v "$1"; echo)");
  argument("spawn", "{agent_type}");
  description_["agent_binaries"] = {"my-agent"};
  std::vector<std::string> names = paid_agents();
  names.emplace_back("my-agent");
  for (const std::string& name : names) {
    EXPECT_EQ(target().spawn({.type = name}).agent, (place_.scratch / "bin" / name).string());
    EXPECT_EQ(fs::canonical(place_.scratch / "bin" / name).filename(), "spawnstorm-agent");
  }
}

TEST_F(CommandTargets, InALoginShellTooAStandInComesFirst) {
  operation("spawn", R"(sh -l -c "command -v claude")");
  EXPECT_EQ(target().spawn({}).agent, (place_.scratch / "bin" / "claude").string());
}

TEST_F(CommandTargets, InAHomeOfItsOwnTooAStandInComesFirst) {
  description_["env"]["HOME"] = "{workspace}/home";
  operation("spawn", R"(sh -l -c 'echo "$HOME"; command -v claude')");
  EXPECT_EQ(target().spawn({}).agent, (place_.scratch / "bin" / "claude").string());
  EXPECT_TRUE(fs::exists(place_.workspace / "home" / ".profile"));
}

TEST_F(CommandTargets, SessionsAreOnTheDefaultServerOfTheRun) {
  target();
  EXPECT_EQ(place_.tmux_socket,
            folder_.path() / ("tmux-" + std::to_string(::getuid())) / "default");
  struct stat status{};
  ASSERT_EQ(::stat(place_.tmux_socket.parent_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);  // else tmux refuses it
  const SessionNaming naming = target().session_naming();
  EXPECT_EQ(naming.agent_of("agent_a-1"), "a-1");
  EXPECT_EQ(naming.agent_of("other"), std::nullopt);
  EXPECT_EQ(naming.agent_of("stress-agent_a-1"), std::nullopt);
}

TEST_F(CommandTargets, WorkInProgressIsKnownByItsProgram) {
  description_["spawn"]["argv"] = {"python3", "-B", "{target_dir}/orc.py", "spawn"};
  const std::string script = (folder_.path() / "orc.py").string();
  EXPECT_TRUE(target().in_transit("python3 -B " + script + " gate a-1"));
  EXPECT_FALSE(target().in_transit("python3 -B /other/orc.py gate a-1"));
  EXPECT_FALSE(target().in_transit("tmux new-session -d python3 -B " + script));
}

}  // namespace
}  // namespace stress
