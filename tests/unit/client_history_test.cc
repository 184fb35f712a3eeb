// Histories of clients on disk: what is read, what is refused in which words, and both formats both
// ways.
#include "harness/history/client_history.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/history/codec.h"
#include "harness/history/edn.h"
#include "orchestrator/base/file_io.h"
#include "tests/support/client_stories.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

Json edn(std::string_view text) {
  EdnReader reader(text);
  auto value = reader.next();
  return value ? *value : Json("wrong: " + value.error().message);
}

TEST(Edn, ReadsWhatHistoriesAreMadeOf) {
  EXPECT_EQ(edn("{:a 1, :b [nil true -2.5 \"x\\ny\"] \"k\" #{3}}"),
            Json::parse(R"({"a":1,"b":[null,true,-2.5,"x\ny"],"k":[3]})"));
  EXPECT_EQ(edn("(1 2N 3.5M +4)"), Json::parse("[1,2,3.5,4]"));
  EXPECT_EQ(edn("[:x/y z - inf :1 \\a \\newline]"),
            Json::parse(R"(["x/y","z","-","inf","1","a","\n"])"));
}

TEST(Edn, SkipsCommentsDiscardedFormsAndTags) {
  EXPECT_EQ(edn("; first\n#_{:not this} #jepsen.history.Op{:f :read ; rest\n :t #inst \"2020\"}"),
            Json::parse(R"({"f":"read","t":"2020"})"));
  EXPECT_EQ(edn("[1 #_2 ]"), Json::parse("[1]"));
}

TEST(Edn, RefusesWhatIsNone) {
  for (const char* text : {"[1", "{:a}", ")", "\"x", "#", "{", "", "\\", "#_"}) {
    EXPECT_THAT(edn(text).dump(), StartsWith("\"wrong: ")) << text;
  }
  EXPECT_THAT(edn(std::string(100'000, '[')).dump(), HasSubstr("too deeply"));
}

class ClientFiles : public ::testing::Test {
 protected:
  base::Result<ClientHistory> load(const std::string& text, const char* name = "h.jsonl") {
    std::ofstream(folder_ / name) << text;
    return load_client_history(folder_ / name);
  }
  std::string refusal(const std::string& text, const char* name = "h.jsonl") {
    const auto loaded = load(text, name);
    return loaded ? "accepted" : loaded.error().message;
  }
  tests::TempFolder folder_;
};

constexpr const char* kInvoke = "{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n";

TEST_F(ClientFiles, AreRefusedWithTheLineAndWhatWouldBeRight) {
  const std::string ok = kInvoke;
  EXPECT_THAT(refusal(ok + "{]"), EndsWith("h.jsonl:2: the line is not JSON"));
  EXPECT_THAT(refusal("3"), HasSubstr("h.jsonl:1: an event is an object such as"));
  EXPECT_THAT(refusal(R"({"type":"ok"})"), EndsWith(":1: 'process' must be a whole number"));
  EXPECT_THAT(refusal(R"({"process":1,"type":"done"})"),
              EndsWith(":1: 'type' must be invoke, ok, fail or info"));
  EXPECT_THAT(refusal(R"({"process":1,"type":"invoke","f":"dance"})"), HasSubstr("\"dance\""));
  EXPECT_THAT(refusal(R"({"process":1,"type":"ok","f":"read"})"),
              EndsWith(":1: process 1 completes what it did not invoke"));
  EXPECT_THAT(refusal(ok + ok),
              EndsWith(":2: process 0 invokes another operation while that of line 1 is open"));
  EXPECT_THAT(refusal(ok + R"({"process":0,"type":"ok","f":"write"})"),
              EndsWith(":2: process 0 completes 'write', and invoked 'read' at line 1"));
  EXPECT_THAT(refusal(ok + R"({"process":1,"type":"invoke","f":"append","value":"x"})"),
              HasSubstr(":2: 'append' is not of one object with 'read' of line 1"));
  EXPECT_THAT(refusal(R"({"process":1,"type":"invoke","f":"cas","value":3})"),
              EndsWith(":1: the value of a cas must be [old, new]"));
  EXPECT_THAT(refusal("\n{:process 0\n :type :invoke, :f :sing}", "h.edn"),
              HasSubstr("h.edn:2: 'f' must be"));
  EXPECT_THAT(refusal("[{:process 0 :type :invoke :f :read}", "h.edn"), HasSubstr("h.edn:1: "));
}

TEST_F(ClientFiles, NameAKeyByAMemberOrByAPair) {
  const auto loaded = load(
      "{:process 0, :type :invoke, :f :cas, :value [7 [1 2]]}\n"
      "{:process 0, :type :ok, :f :cas, :value [7 [1 2]]}\n"
      "{:process 1, :type :invoke, :f :cas, :value [1 2]}\n"
      "{:process :nemesis, :type :info, :f :start}\n"
      "{:process 2, :type :invoke, :f :read, :value [7 nil]}\n"
      "{:process 2, :type :ok, :f :read, :value [7 2]}\n"
      "{:process 3, :type :invoke, :f :read, :key 7}\n"
      "{:process 3, :type :ok, :f :read, :value 2}\n",
      "h.edn");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  const auto& ops = loaded->operations;
  ASSERT_EQ(ops.size(), 4u);
  EXPECT_EQ(loaded->passed_over, 1u);
  for (const std::size_t i : {0U, 2U, 3U}) {
    EXPECT_EQ(loaded->values.json(ops[i].key), "7") << i;
    EXPECT_EQ(loaded->values.json(ops[i].value), "2") << i;
  }
  EXPECT_EQ(ops[1].key, ValueTable::kNil);
  EXPECT_EQ(loaded->values.json(ops[1].expected), "1");
}

TEST_F(ClientFiles, MayBeOneVectorOfEvents) {
  const auto loaded = load("[{:process 0 :type :invoke :f :read :value nil}\n]\n", "h.edn");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->operations.size(), 1u);
}

TEST_F(ClientFiles, NoteATimeThatGoesBack) {
  const auto loaded = load(R"({"process":0,"type":"invoke","f":"read","time":5})"
                           "\n"
                           R"({"process":0,"type":"ok","f":"read","value":1,"time":4})");
  ASSERT_TRUE(loaded.has_value());
  ASSERT_EQ(loaded->notes.size(), 1u);
  EXPECT_THAT(loaded->notes.front(), StartsWith("time goes back at line 2"));
}

TEST_F(ClientFiles, AreTheSameInBothFormatsAndBack) {
  for (const bool store : {false, true}) {
    tests::StoryShape shape;
    shape.store = store;
    shape.keys = 3;
    shape.unknown = 0.1;
    shape.commits = true;
    const ClientHistory story = tests::ClientStory(shape, 11).take();
    ASSERT_TRUE(store_client_history(story, folder_ / "1.jsonl").has_value());
    const auto one = load_client_history(folder_ / "1.jsonl");
    ASSERT_TRUE(one.has_value()) << one.error().message;
    ASSERT_TRUE(store_client_history(*one, folder_ / "2.edn").has_value());
    const auto two = load_client_history(folder_ / "2.edn");
    ASSERT_TRUE(two.has_value()) << two.error().message;
    ASSERT_TRUE(store_client_history(*two, folder_ / "3.jsonl").has_value());
    EXPECT_EQ(base::read_file(folder_ / "1.jsonl").value_or("1"),
              base::read_file(folder_ / "3.jsonl").value_or("3"));
    EXPECT_EQ(one->operations.size(), story.operations.size());
  }
}

TEST_F(ClientFiles, AreToldFromThoseOfRuns) {
  std::ofstream(folder_ / "run.jsonl") << encode(RunFacts{}) << "\n";
  std::ofstream(folder_ / "clients.jsonl") << kInvoke;
  EXPECT_EQ(kind_of_history(folder_ / "run.jsonl").value(), HistoryKind::kRun);
  EXPECT_EQ(kind_of_history(folder_ / "clients.jsonl").value(), HistoryKind::kClients);
  EXPECT_FALSE(kind_of_history(folder_ / "none.jsonl").has_value());
}

TEST_F(ClientFiles, OfARunAreSetsForJepsen) {
  Evidence run;
  run.operations = {{.id = 1,
                     .client = "p1",
                     .agent = "a",
                     .invoked = 1,
                     .completed = 4,
                     .outcome = OpOutcome::kOk},
                    {.id = 2, .client = "p2", .invoked = 2, .completed = 3},
                    {.id = 3,
                     .kind = OpKind::kList,
                     .client = "p2",
                     .invoked = 5,
                     .completed = 6,
                     .outcome = OpOutcome::kOk,
                     .seen = {"a", "b"}}};
  ASSERT_TRUE(store_as_jepsen(run, folder_ / "run.edn").has_value());
  EXPECT_EQ(base::read_file(folder_ / "run.edn").value_or(""),
            "{:index 0, :type :invoke, :process 0, :f :add, :value \"a\", :time 1}\n"
            "{:index 1, :type :invoke, :process 1, :f :add, :value \"operation 2\", :time 2}\n"
            "{:index 2, :type :info, :process 1, :f :add, :value \"operation 2\", :time 3}\n"
            "{:index 3, :type :ok, :process 0, :f :add, :value \"a\", :time 4}\n"
            "{:index 4, :type :invoke, :process 2, :f :read, :value nil, :time 5}\n"
            "{:index 5, :type :ok, :process 2, :f :read, :value #{\"a\" \"b\"}, :time 6}\n");
}

}  // namespace
}  // namespace stress
