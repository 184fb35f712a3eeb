#include "harness/target/target_file.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/cli/target_template.h"
#include "tests/unit/target_file_support.h"

namespace stress {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TargetFiles : public ::testing::Test {
 protected:
  TargetFile load(const std::string& name) {
    auto loaded = load_target_file(folder_.path() / name);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    return loaded ? *std::move(loaded) : TargetFile{};
  }
  /// What is said of the smallest target with this merged into it.
  std::string complaint(const json& change) {
    json target = testing::smallest_target();
    target.merge_patch(change);
    folder_.write("t.json", target.dump());  // one line: its number is always 1
    return folder_.complaint("t.json");
  }
  testing::TargetFolder folder_;
};

TEST_F(TargetFiles, TheSmallestOneLeavesTheRestAtItsDefaults) {
  folder_.write("t.json", testing::smallest_target());
  const TargetFile target = load("t.json");
  EXPECT_EQ(target.name, "small");
  EXPECT_EQ(target.folder(), folder_.path());
  EXPECT_THAT(target.spawn.argv, ElementsAre("orc", "spawn", "{agent_type}"));
  EXPECT_EQ(target.spawn.id, "/id");
  EXPECT_FALSE(target.kill || target.update || target.list || target.validate || target.repair);
  EXPECT_EQ(target.observe.reading, TargetObservation::Reading::kAtRest);
  EXPECT_FALSE(target.observe.has_counts());
  EXPECT_THAT(target.tasks, ElementsAre(""));
  EXPECT_THAT(target.watch, ElementsAre("{workspace}"));
  EXPECT_EQ(target.timeout, std::chrono::seconds(30));
  EXPECT_TRUE(target.promises.durable);
}

TEST_F(TargetFiles, TheTemplateIsARightOne) {
  folder_.write("t.json", std::string(kTargetTemplate));
  const TargetFile target = load("t.json");
  EXPECT_TRUE(target.kill && target.update && target.list && target.validate && target.repair);
  EXPECT_EQ(target.validate->ok, (std::set<int>{0, 1}));
  EXPECT_EQ(target.spawn.refused, std::set<int>{3});
  EXPECT_TRUE(target.observe.has_counts());
}

TEST_F(TargetFiles, ThoseOfTheProjectAreRight) {
  const auto loaded = load_target_file(SPAWNSTORM_SOURCE_DIR "/scenarios/targets/builtin-cli.json");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->setup.size(), 3U);
}

TEST_F(TargetFiles, OneThatExtendsAnotherReplacesMergesAndRemoves) {
  json base = testing::smallest_target();
  base["kill"] = {{"argv", {"orc", "kill", "{agent_id}"}}};
  folder_.write("base.json", base);
  folder_.write("t.json", json{{"extends", "base.json"},
                               {"name", "other"},
                               {"observe", {{"read", "atomic"}, {"active", {"up"}}}},
                               {"kill", nullptr}});
  const TargetFile target = load("t.json");
  EXPECT_EQ(target.name, "other");
  EXPECT_EQ(target.observe.reading, TargetObservation::Reading::kAnyTime);
  EXPECT_EQ(target.observe.active, std::set<std::string>{"up"});
  EXPECT_EQ(target.observe.path, "{workspace}/registry.json");
  EXPECT_FALSE(target.kill);
}

TEST_F(TargetFiles, ParametersAreFilledInAndMayBeOverridden) {
  json base = testing::smallest_target();
  base["parameters"] = {{"program", "orc.py"}, {"where", "{target_dir}/bin"}};
  base["spawn"]["argv"] = {"{where}/{program}", "{{program}}", "{agent_type}"};
  base["env"] = {{"PROGRAM", "{program}"}};
  folder_.write("base.json", base);
  folder_.write("t.json",
                json{{"extends", "base.json"}, {"parameters", {{"program", "wrong.py"}}}});
  EXPECT_THAT(load("base.json").spawn.argv,
              ElementsAre("{target_dir}/bin/orc.py", "{{program}}", "{agent_type}"));
  const TargetFile target = load("t.json");
  EXPECT_THAT(target.spawn.argv.front(), "{target_dir}/bin/wrong.py");
  EXPECT_EQ(target.env.at("PROGRAM"), "wrong.py");
}

TEST_F(TargetFiles, ACircleOfExtensionsIsRefused) {
  folder_.write("a.json", std::string("{\n  \"extends\": \"b.json\"\n}"));
  folder_.write("b.json", std::string("{\"extends\": \"a.json\"}"));
  EXPECT_EQ(folder_.complaint("a.json"),
            "b.json:1: /extends: a.json extends itself, by way of this file");
  folder_.write("c.json", std::string("{\n \"extends\": \"none.json\"}"));
  EXPECT_EQ(folder_.complaint("c.json"), "c.json:2: /extends: there is no file none.json");
}

TEST_F(TargetFiles, AMistakeIsSaidOfTheFileAndTheLineWhereItStands) {
  json base = testing::smallest_target();
  base["observe"]["depth"] = 5;
  folder_.write("base.json", base.dump(1));
  folder_.write("t.json", std::string("{\n  \"extends\": \"base.json\",\n  // a comment\n"
                                      "  \"spawn\": {\n    \"id\": \"id\"}}"));
  EXPECT_EQ(folder_.complaint("t.json"),
            "t.json:5: /spawn/id: must be a JSON pointer such as \"/agents\", not \"id\"");
  EXPECT_THAT(folder_.complaint("base.json"), HasSubstr(": /observe/depth: must be a text, not 5"));
  folder_.write("t.json", std::string("{\"extends\": \"base.json\"}"));
  EXPECT_THAT(folder_.complaint("t.json"), ::testing::StartsWith("base.json:"));
}

TEST_F(TargetFiles, WhatIsNoJsonIsSaidWithItsLine) {
  folder_.write("t.json", std::string("{\n\n  \"name\": }"));
  EXPECT_THAT(folder_.complaint("t.json"), HasSubstr("t.json:3: not JSON: "));
}

struct Mistake {
  const char* change;
  const char* sentence;
};

/// Where it is.
void PrintTo(const Mistake& mistake, std::ostream* out) {
  const std::string_view sentence = mistake.sentence;
  *out << sentence.substr(0, sentence.find(':'));
}

class Mistakes : public TargetFiles, public ::testing::WithParamInterface<Mistake> {};

TEST_P(Mistakes, IsOneClearSentence) {
  EXPECT_EQ(complaint(json::parse(GetParam().change)),
            std::string("t.json:1: ") + GetParam().sentence);
}

INSTANTIATE_TEST_SUITE_P(
    All, Mistakes,
    ::testing::Values(
        Mistake{R"({"name": null})",
                R"(/name: is missing: a short name for reports, e.g. "my-orchestrator")"},
        Mistake{
            R"({"sesions": {}})",
            "/sesions: no such member; known are $schema, agent_binaries, agent_id, cwd, "
            "description, env, kill, list, logs, mcp, name, observe, promises, repair, sessions, "
            "setup, shutdown, spawn, tasks, timeout_ms, update, validate, watch"},
        Mistake{R"({"spawn": {"argv": []}})",
                R"(/spawn/argv: must be the program and its arguments, e.g. ["my-program", "x"])"},
        Mistake{R"({"spawn": {"argv": "orc spawn"}})",
                "/spawn/argv: must be a list of texts, not \"orc spawn\""},
        Mistake{R"({"spawn": {"id": null}})",
                R"--(/spawn/id: is missing: a JSON pointer into the reply, e.g. "/agent_id", or )--"
                R"--("stdout", or {"text": "agent ([a-z0-9]+)"})--"},
        Mistake{R"({"spawn": {"argv": ["orc", "{agent}"]}})",
                "/spawn/argv/1: {agent} is nothing known here; there are {agent_type} {home} "
                "{parent} {stress_dir} {target_dir} {task} {workspace}, and what \"parameters\" "
                "names"},
        Mistake{R"({"spawn": {"refused": {"exit": [3, "4"]}}})",
                "/spawn/refused/exit/1: must be a whole number from 0 to 255, not \"4\""},
        Mistake{R"({"spawn": {"refused": {"exit": [0]}}})",
                "/spawn/refused/exit: an exit code cannot both acknowledge and refuse"},
        Mistake{R"({"kill": {"argv": ["orc", "kill"]}})",
                "/kill/argv: must name the agent: {agent_id}"},
        Mistake{R"({"tasks": ["T"]})", "/tasks: the spawn command names no {task}"},
        Mistake{R"({"observe": {"argv": ["orc", "dump"]}})",
                "/observe: must have exactly one of file, files, argv and queries, not 2"},
        Mistake{R"({"observe": {"read": "often"}})",
                "/observe/read: must be \"atomic\" or \"flock:PATH\", or be left out where the "
                "registry may only be read while nobody writes"},
        Mistake{R"({"observe": {"file": null, "argv": ["orc", "dump"], "read": "flock:/l"}})",
                "/observe/read: a command would wait for the lock that is held for it; it reads "
                "under its own: say \"atomic\" if that is so"},
        Mistake{R"({"observe": {"claims": ["gone"]}})",
                "/observe/claims: 'gone' is not among the active statuses"},
        Mistake{R"({"sessions": {"kind": "screen"}})",
                "/sessions/kind: must be one of tmux, process, none, not \"screen\""},
        Mistake{R"({"sessions": {"kind": "process", "name": null}})",
                "/sessions/kind: sessions that are processes need a pointer to the recorded pid: "
                "\"observe\": {\"pid\": \"/pid\"}"},
        Mistake{R"({"sessions": {"name": "all"}})",
                "/sessions/name: must contain {agent_id}, or \"observe\" must have a pointer to "
                "the session's name: \"session\": \"/session\""},
        Mistake{R"({"promises": {"max_agents": 0}})",
                "/promises/max_agents: must be a whole number from 1 to 1000000, not 0"},
        Mistake{R"({"promises": {"durable": "yes"}})",
                "/promises/durable: must be true or false, not \"yes\""},
        Mistake{R"({"parameters": {"task": "x"}})",
                "/parameters/task: {task} means something already; take another name"},
        Mistake{R"({"parameters": {"Program": "x"}})",
                "/parameters/Program: a parameter's name is of lower-case letters, digits and "
                "'_', a letter first, so that {name} can stand for it"},
        Mistake{R"({"env": {"HOME": "/home/me"}})",
                "/env/HOME: keeps a run away from its user's own files: it must lie in {workspace} "
                "or {home}"},
        Mistake{R"({"env": {"XDG_CONFIG_HOME": "{home}/../x"}})",
                "/env/XDG_CONFIG_HOME: keeps a run away from its user's own files: it must lie in "
                "{workspace} or {home}"},
        Mistake{R"({"env": {"TMUX": "/tmp/tmux-0/default,1,0"}})",
                "/env/TMUX: would name another tmux server than the run's: leave it out"},
        Mistake{R"({"agent_binaries": ["bin/claude"]})",
                "/agent_binaries: must be names as they are looked up on PATH, without /"}));

}  // namespace
}  // namespace stress
