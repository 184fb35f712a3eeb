// Goal: the tools of an MCP server are a target's operations.
// Method: a server in Python whose one tool does as its argument says.
#include "harness/target/tool_server.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/target/target_file.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

constexpr const char* kServer = R"python(
import json, os, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}}
    elif message["params"]["arguments"].get("die"):
        os._exit(1)
    else:
        result = {"content": [{"type": "text", "text": str(os.getpid())}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
)python";

class ToolServerTest : public testing::Test {
 protected:
  ToolServerTest() { std::ofstream(folder_ / "server.py") << kServer; }

  RpcServer server() {
    return {.argv = {"/usr/bin/python3", (folder_ / "server.py").string()},
            .log = folder_ / "logs" / "server.log"};
  }
  static std::string pid_of(ToolServer& tools) {
    const auto reply = tools.call("any", json::object());
    return reply ? reply->text() : reply.error().message;
  }

  tests::TempFolder folder_;
};

TEST_F(ToolServerTest, KeepsOneServerForAllCalls) {
  ToolServer tools(server(), kPatience);
  EXPECT_EQ(pid_of(tools), pid_of(tools));
}

TEST_F(ToolServerTest, StartsAnotherServerOnceItsOwnHasDied) {
  ToolServer tools(server(), kPatience);
  const std::string first = pid_of(tools);
  const auto died = tools.call("any", {{"die", true}});
  ASSERT_FALSE(died);
  EXPECT_THAT(died.error().message, HasSubstr("ended with exit code 1"));
  const std::string second = pid_of(tools);
  EXPECT_THAT(second, testing::MatchesRegex("[0-9]+"));
  EXPECT_NE(second, first);
}

TEST_F(ToolServerTest, StartsAnotherServerAfterItWasClosed) {
  ToolServer tools(server(), kPatience);
  const std::string first = pid_of(tools);
  tools.close();
  EXPECT_NE(pid_of(tools), first);
}

TEST_F(ToolServerTest, SaysWhyAServerCannotBeStarted) {
  ToolServer tools({.argv = {"/nonexistent/server"}}, kPatience);
  const auto reply = tools.call("any", json::object());
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("/nonexistent/server"));
}

TEST(ToolArguments, ReplacesPlaceholdersInTextsHoweverDeep) {
  const Placeholders values = {{"task", "a \"quoted\" {agent_type}"}, {"agent_type", "coder"}};
  EXPECT_EQ(
      expand_arguments(R"({"task": "{task}", "in": [{"x": "<{agent_type}>"}], "n": 3})", values),
      json({{"task", "a \"quoted\" {agent_type}"}, {"in", {{{"x", "<coder>"}}}}, {"n", 3}}));
}

TEST(ToolArguments, ProgressAloneIsANumber) {
  const Placeholders values = {{"progress", "40"}};
  EXPECT_EQ(expand_arguments(R"({"progress": "{progress}", "note": "{progress} %"})", values),
            json({{"progress", 40}, {"note", "40 %"}}));
}

TEST(ToolReply, PointersLookIntoStructuredContentFirst) {
  McpReply reply{.texts = {R"({"id": "text"})"}, .structured = {{"id", "structured"}}};
  EXPECT_EQ(json::parse(json_of(reply)), json({{"id", "structured"}}));
}

TEST(ToolReply, PointersLookIntoTheFirstTextThatIsJson) {
  McpReply reply{.texts = {"Agent created.", R"({"id": "a-1"})", R"({"id": "a-2"})"}};
  EXPECT_EQ(json_of(reply), R"({"id": "a-1"})");
}

class ToolTargetFileTest : public testing::Test {
 protected:
  std::string mistake(const json& changes) {
    json file = {{"name", "t"},
                 {"mcp", {{"argv", {"server"}}}},
                 {"spawn", {{"tool", "spawn"}, {"id", "/id"}}},
                 {"observe",
                  {{"file", "{workspace}/r.json"},
                   {"agents", ""},
                   {"id", "/id"},
                   {"status", "/status"},
                   {"active", {"running"}}}},
                 {"sessions", {{"kind", "none"}}}};
    file.merge_patch(changes);
    std::ofstream(folder_ / "t.json") << file.dump(1);
    const auto loaded = load_target_file(folder_ / "t.json");
    return loaded ? "no mistake" : loaded.error().message;
  }
  tests::TempFolder folder_;
};

TEST_F(ToolTargetFileTest, AToolNeedsNoMoreThanItsName) {
  EXPECT_EQ(mistake(json::object()), "no mistake");
}

TEST_F(ToolTargetFileTest, AToolNeedsAServer) {
  EXPECT_THAT(mistake({{"mcp", nullptr}}), HasSubstr("/spawn/tool: is a tool of no server"));
}

TEST_F(ToolTargetFileTest, AnOperationIsEitherACommandOrATool) {
  EXPECT_THAT(mistake({{"spawn", {{"argv", {"x"}}}}}), HasSubstr("/spawn/argv: no such member"));
}

TEST_F(ToolTargetFileTest, UnknownPlaceholdersInArgumentsAreMistakes) {
  EXPECT_THAT(mistake({{"spawn", {{"arguments", {{"list", {"x", "{agent_id}"}}}}}}}),
              HasSubstr("/spawn/arguments/list/1: {agent_id} is nothing known here"));
}

TEST_F(ToolTargetFileTest, PatternsMustBeRight) {
  EXPECT_THAT(mistake({{"spawn", {{"id", {{"text", "agent ("}}}}}}),
              HasSubstr("/spawn/id/text: is no regular expression"));
  EXPECT_THAT(mistake({{"spawn", {{"id", {{"text", "agent [0-9]+"}}}}}}),
              HasSubstr("/spawn/id/text: must have a group"));
  EXPECT_THAT(mistake({{"spawn", {{"refused", {{"exit", {3}}}}}}}),
              HasSubstr("/spawn/refused/exit: no such member"));
  EXPECT_EQ(mistake({{"spawn",
                      {{"id", {{"text", "agent ([0-9]+)"}}}, {"refused", {{"text", "limit"}}}}}}),
            "no mistake");
}

TEST_F(ToolTargetFileTest, AKillMustNameTheAgent) {
  EXPECT_THAT(mistake({{"kill", {{"tool", "kill"}}}}),
              EndsWith("/kill/arguments: must name the agent: {agent_id}"));
  EXPECT_EQ(mistake({{"kill", {{"tool", "kill"}, {"arguments", {{"id", "{agent_id}"}}}}}}),
            "no mistake");
}

}  // namespace
}  // namespace stress
