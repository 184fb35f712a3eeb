// Goal: what a client of an MCP server promises, whatever the server does.
// Method: a small server in Python, whose tools misbehave in one way each.
#include "harness/target/mcp_client.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/subprocess.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using base::Errc;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr seconds kPatience{60};

constexpr const char* kServer = R"python(
import json, os, signal, sys

mode = sys.argv[1] if len(sys.argv) > 1 else ""
held = {}       # tool -> id of its unanswered call
answers = []    # what the client answered to requests of the server
cancelled = []
notes = []

def send(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()

def text(id, *texts, **more):
    content = [{"type": "image", "data": "", "mimeType": "image/png"}]
    content += [{"type": "text", "text": t} for t in texts]
    send(id=id, result={"content": content, **more})

def initialize(id, params):
    if mode == "refuse":
        send(id=id, error={"code": -32602, "message": "too new for me"})
    elif mode != "silent":
        version = "2024-11-05" if mode == "old" else params["protocolVersion"]
        send(id=id, result={"protocolVersion": version, "capabilities": {"tools": {}},
                            "serverInfo": {"name": "fake", "version": "1"}})

def list_tools(id, params):
    pages = {None: (["echo"], "2"), "2": (["fails", "dies"], "3"), "3": ([], None)}
    names, cursor = pages[params.get("cursor")]
    result = {"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in names]}
    if cursor or mode == "null":
        result["nextCursor"] = "2" if mode == "loop" else cursor
    send(id=id, result=result)

def call(id, tool, arguments):
    if tool == "echo":
        text(id, json.dumps(arguments), structuredContent=arguments)
    elif tool == "fails":
        text(id, "limit reached", "(20)", isError=True)
    elif tool == "group":
        text(id, str(os.getpgrp()), os.getcwd(), os.environ.get("COLOUR", "none"))
    elif tool == "notes":
        text(id, *notes)
    elif tool in ("hold", "release"):
        held[tool] = id
        if len(held) == 2:  # the younger call is answered first
            text(held.pop("release"), "released")
            text(held.pop("hold"), "held")
    elif tool == "asks":
        held["asks"] = id
        send(method="notifications/message", params={"level": "info", "data": "hello"})
        for number, method in enumerate(["ping", "roots/list", "sampling/createMessage"]):
            send(id=f"s{number}", method=method, params={})
    elif tool == "garbage":
        print("Listening on stdio", flush=True)
    elif tool == "deep":
        print("[" * 400000 + "]" * 400000, flush=True)
    elif tool == "null":
        send(id=id, error=None, result={"content": []})
    elif tool == "dies":
        print("first word\nout of luck", file=sys.stderr, flush=True)
        os._exit(3)
    elif tool == "late":
        held["late"] = id
    elif tool == "after":
        if "late" in held:
            text(held.pop("late"), "too late")
        text(id, json.dumps(cancelled))
    elif tool == "odd":
        send(id=id, result="no object")
    elif tool == "silent":
        pass
    else:
        send(id=id, error={"code": -32602, "message": "Unknown tool: " + tool})

if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in sys.stdin:
    message = json.loads(line)
    method, params, id = message.get("method"), message.get("params", {}), message.get("id")
    if method == "initialize":
        initialize(id, params)
    elif method == "tools/list":
        list_tools(id, params)
    elif method == "tools/call":
        call(id, params["name"], params["arguments"])
    elif method == "notifications/cancelled":
        cancelled.append(params["requestId"])
    elif method is not None:
        notes.append(method)
    else:
        answers.append([message.get("result"), message.get("error", {}).get("code")])
        if len(answers) == 3:
            text(held.pop("asks"), json.dumps(answers))
while mode == "stubborn":
    signal.pause()
)python";

class McpClientTest : public testing::Test {
 protected:
  McpClientTest() { std::ofstream(folder_ / "server.py") << kServer; }

  RpcServer server(const std::string& mode = "") {
    RpcServer server;
    server.argv = {"/usr/bin/python3", (folder_ / "server.py").string(), mode};
    server.env = {"COLOUR=blue"};
    server.cwd = folder_.path();
    server.log = folder_ / "server.log";
    return server;
  }
  std::unique_ptr<McpClient> client(const std::string& mode = "") {
    auto started = McpClient::start(server(mode), kPatience);
    if (started) return std::move(*started);
    ADD_FAILURE() << started.error().message;
    return nullptr;
  }

  tests::TempFolder folder_;
};

TEST_F(McpClientTest, ShakesHandsAndTellsTheServerThatItIsReady) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  EXPECT_EQ(mcp->protocol(), "2025-06-18");
  const auto notes = mcp->call("notes", json::object(), kPatience);
  ASSERT_TRUE(notes) << notes.error().message;
  EXPECT_THAT(notes->texts, ElementsAre("notifications/initialized"));
}

TEST_F(McpClientTest, AcceptsTheVersionThatAnOlderServerAnswersWith) {
  const auto mcp = client("old");
  ASSERT_TRUE(mcp);
  EXPECT_EQ(mcp->protocol(), "2024-11-05");
}

TEST_F(McpClientTest, SaysWhyAHandshakeWasRefused) {
  const auto refused = McpClient::start(server("refuse"), kPatience);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kInvalid);
  EXPECT_EQ(refused.error().message, "MCP handshake: the server refuses: too new for me");
}

TEST_F(McpClientTest, DoesNotWaitForEverForAHandshake) {
  const auto silent = McpClient::start(server("silent"), milliseconds(1));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, Errc::kTimeout);
}

TEST_F(McpClientTest, NamesAProgramThatIsNotThere) {
  RpcServer missing = server();
  missing.argv = {(folder_ / "missing").string()};
  const auto started = McpClient::start(missing, kPatience);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kNotFound);
  EXPECT_THAT(started.error().message, HasSubstr("missing"));
}

TEST_F(McpClientTest, ListsTheToolsOfAllPages) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto tools = mcp->list_tools(kPatience);
  ASSERT_TRUE(tools) << tools.error().message;
  EXPECT_THAT(*tools, ElementsAre("echo", "fails", "dies"));
}

TEST_F(McpClientTest, TakesWhatIsNullForWhatIsNotThere) {
  const auto mcp = client("null");
  ASSERT_TRUE(mcp);
  const auto tools = mcp->list_tools(kPatience);
  ASSERT_TRUE(tools) << tools.error().message;
  EXPECT_EQ(tools->size(), 3U);
  const auto reply = mcp->call("null", json::object(), kPatience);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_FALSE(reply->is_error);
}

TEST_F(McpClientTest, EndsAListWhosePagesGoInCircles) {
  const auto mcp = client("loop");
  ASSERT_TRUE(mcp);
  const auto tools = mcp->list_tools(kPatience);
  ASSERT_FALSE(tools);
  EXPECT_EQ(tools.error().code, Errc::kInvalid);
}

TEST_F(McpClientTest, GivesTextsAndStructuredContent) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const json arguments = {{"task", "T"}, {"list", {1, "zwei"}}};
  const auto reply = mcp->call("echo", arguments, kPatience);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_FALSE(reply->is_error);
  EXPECT_EQ(reply->structured, arguments);
  ASSERT_EQ(reply->texts.size(), 1u);
  EXPECT_EQ(json::parse(reply->texts[0]), arguments);
}

TEST_F(McpClientTest, CarriesMoreThanAPipeHolds) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const json arguments = {{"prompt", std::string(1u << 20, 'x')}};
  const auto reply = mcp->call("echo", arguments, kPatience);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->structured, arguments);
}

TEST_F(McpClientTest, TellsAToolsErrorFromOneOfTheProtocol) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto failed = mcp->call("fails", json::object(), kPatience);
  ASSERT_TRUE(failed) << failed.error().message;
  EXPECT_TRUE(failed->is_error);
  EXPECT_FALSE(failed->error_code);
  EXPECT_EQ(failed->text(), "limit reached\n(20)");
  const auto unknown = mcp->call("no such tool", json::object(), kPatience);
  ASSERT_TRUE(unknown) << unknown.error().message;
  EXPECT_TRUE(unknown->is_error);
  EXPECT_EQ(unknown->error_code, -32602);
  EXPECT_EQ(unknown->text(), "Unknown tool: no such tool");
}

TEST_F(McpClientTest, RefusesAnAnswerThatIsNoResultOfATool) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto odd = mcp->call("odd", json::object(), kPatience);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, Errc::kInvalid);
  EXPECT_FALSE(mcp->broken());
}

TEST_F(McpClientTest, GivesEachThreadItsOwnAnswerInWhateverOrderTheyCome) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  std::string held;
  std::thread other([&] {
    const auto reply = mcp->call("hold", json::object(), kPatience);
    held = reply ? reply->text() : reply.error().message;
  });
  const auto released = mcp->call("release", json::object(), kPatience);
  other.join();
  EXPECT_EQ(released ? released->text() : released.error().message, "released");
  EXPECT_EQ(held, "held");
}

TEST_F(McpClientTest, AnswersPingAndDeclinesOtherRequestsOfTheServer) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto asked = mcp->call("asks", json::object(), kPatience);
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->text(), "[[{}, null], [null, -32601], [null, -32601]]");
}

TEST_F(McpClientTest, ShowsTheLineThatIsNoMessage) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto garbage = mcp->call("garbage", json::object(), kPatience);
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().code, Errc::kUnavailable);
  EXPECT_THAT(garbage.error().message, HasSubstr("no JSON-RPC message: Listening on stdio"));
  EXPECT_TRUE(mcp->broken());
}

TEST_F(McpClientTest, RefusesWhatIsNestedWithoutEnd) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto deep = mcp->call("deep", json::object(), kPatience);
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("no JSON-RPC message: [[[["));
}

TEST_F(McpClientTest, TellsHowTheServerDiedAndItsLastWords) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  std::string held;
  std::thread other([&] {
    const auto reply = mcp->call("silent", json::object(), kPatience);
    held = reply ? "answered" : reply.error().message;
  });
  const auto died = mcp->call("dies", json::object(), kPatience);
  other.join();
  ASSERT_FALSE(died);
  EXPECT_EQ(died.error().code, Errc::kUnavailable);
  EXPECT_THAT(died.error().message,
              HasSubstr("ended with exit code 3; its last words: first word"));
  EXPECT_THAT(died.error().message, HasSubstr("out of luck"));
  EXPECT_THAT(held, HasSubstr("exit code 3"));
  const auto later = mcp->call("echo", json::object(), kPatience);
  ASSERT_FALSE(later);
  EXPECT_THAT(later.error().message, HasSubstr("exit code 3"));
}

TEST_F(McpClientTest, QuotesOnlyTheLastWordsOfThisServer) {
  std::ofstream(folder_ / "server.log") << "words of another\n";
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto died = mcp->call("dies", json::object(), kPatience);
  ASSERT_FALSE(died);
  EXPECT_THAT(died.error().message, testing::Not(HasSubstr("another")));
}

TEST_F(McpClientTest, CancelsACallThatTakesTooLongAndIgnoresItsLateAnswer) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto late = mcp->call("late", json::object(), milliseconds(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kTimeout);
  const auto after = mcp->call("after", json::object(), kPatience);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->text(), "[2]");  // the handshake was call 1
}

TEST_F(McpClientTest, TheServerLivesInItsFolderAndEnvironmentAndOurProcessGroup) {
  const auto mcp = client();
  ASSERT_TRUE(mcp);
  const auto reply = mcp->call("group", json::object(), kPatience);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_THAT(reply->texts,
              ElementsAre(std::to_string(::getpgrp()), folder_.path().string(), "blue"));
}

TEST_F(McpClientTest, EndsTheServerByTheEndOfItsInput) {
  auto mcp = client();
  ASSERT_TRUE(mcp);
  const pid_t pid = mcp->pid();
  mcp.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);  // not even a zombie
}

TEST_F(McpClientTest, KillsAServerThatIgnoresTheEndOfItsInput) {
  RpcServer stubborn = server("stubborn");
  stubborn.grace = milliseconds(1);
  auto mcp = McpClient::start(stubborn, kPatience);
  ASSERT_TRUE(mcp) << mcp.error().message;
  const pid_t pid = (*mcp)->pid();
  mcp->reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace stress
