#include "harness/target/observation.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

namespace stress {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

ObservationMap full_map() {
  ObservationMap map;
  map.fields = {{"message", "/message"}, {"progress", "/progress"}};
  map.count_total = "/counts/total";
  map.count_active = "/counts/active";
  map.task_count_active = "/counts/active";
  return map;
}

constexpr std::string_view kSound = R"({
  "generation": 7, "counts": {"total": 2, "active": 1},
  "tasks": {"T1": {"counts": {"active": 1}}},
  "agents": {
    "a-1": {"id": "a-1", "status": "running", "type": "worker", "task_id": "T1",
            "parent": "orchestrator", "depth": 1, "version": 3, "created_at": "2026-01-01T00:00:00Z",
            "message": "hello \"you\"", "progress": 40,
            "session": {"name": "agent_a-1", "process": {"pid": 4711}}},
    "a-10": {"status": "completed", "session": null, "unknown": [1, {"x": 2}]}
  }})";

Observation interpret(std::string_view bytes, const ObservationMap& map = full_map()) {
  return Observer(map).interpret(std::string(bytes));
}

TEST(Observation, ReadsEveryMappedField) {
  const auto seen = interpret(kSound);
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_EQ(seen.generation, 7U);
  ASSERT_EQ(seen.agents.size(), 2U);
  const ObservedAgent expected{.id = "a-1",
                               .status = "running",
                               .type = "worker",
                               .task = "T1",
                               .parent = "orchestrator",
                               .session = "agent_a-1",
                               .created = "2026-01-01T00:00:00Z",
                               .depth = 1,
                               .version = 3,
                               .pid = 4711,
                               .fields = {{"message", "hello \"you\""}, {"progress", "40"}}};
  EXPECT_EQ(seen.agents[0], expected);
  EXPECT_EQ(seen.agents[1], (ObservedAgent{.id = "a-10", .status = "completed"}));
  EXPECT_EQ(seen.counts, (StoredCounts{.total = 2, .active = 1}));
  EXPECT_THAT(seen.counts_by_task, ElementsAre(Pair("T1", StoredCounts{.active = 1})));
  EXPECT_TRUE(seen.duplicate_ids.empty());
  EXPECT_EQ(seen.bytes, kSound);
  EXPECT_FALSE(seen.absent);
}

TEST(Observation, ReadsAnArrayOfAgentsToo) {
  ObservationMap map;
  map.agents = "/registry/agents";
  map.id = "/name";
  const auto seen = interpret(
      R"({"registry":{"agents":[{"name":"b","status":"x"},{"name":7,"status":"y"}]}})", map);
  ASSERT_TRUE(seen.readable) << seen.error;
  ASSERT_EQ(seen.agents.size(), 2U);
  EXPECT_EQ(seen.agents[0].id, "b");
  EXPECT_EQ(seen.agents[1].id, "7");
}

TEST(Observation, AnEmptyAgentsPointerMeansTheWholeDocument) {
  ObservationMap map;
  map.agents = "";
  const auto seen = interpret(R"({"b":{"status":"x"}})", map);
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_EQ(seen.agents.at(0).id, "b");
}

// Planted bug: a writer that adds a record where it should have replaced it.
TEST(Observation, FindsAnIdThatStandsTwiceAsKeyAndKeepsBothRecords) {
  const auto seen = interpret(
      R"({"agents":{"a":{"status":"running"},"b":{"status":"x"},"a":{"status":"failed"}}})");
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_THAT(seen.duplicate_ids, ElementsAre("a"));
  ASSERT_EQ(seen.agents.size(), 3U);
  EXPECT_EQ(seen.agents[0].status, "running");
  EXPECT_EQ(seen.agents[2].status, "failed");
}

TEST(Observation, FindsAnIdThatStandsTwiceInAnArray) {
  const auto seen = interpret(
      R"({"agents":[{"id":"a","status":"x"},{"id":"a","status":"x"},{"id":"a","status":"x"}]})");
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_THAT(seen.duplicate_ids, ElementsAre("a"));
}

// Planted bug: a write that was cut off. Each shorter length of a sound file must be noticed.
TEST(Observation, ATornFileIsUnreadableWhereverItWasCut) {
  for (std::size_t length = 0; length < kSound.size(); ++length) {
    const auto seen = interpret(kSound.substr(0, length));
    ASSERT_FALSE(seen.readable) << length;
    ASSERT_FALSE(seen.error.empty());
    ASSERT_FALSE(seen.absent);
    ASSERT_TRUE(seen.agents.empty());
  }
}

TEST(Observation, SaysWhereADamagedFileIsDamaged) {
  const auto seen = interpret("{\"agents\":{\"a\":{\"status\":\"x\"}\x01\xff garbage");
  EXPECT_THAT(seen.error, HasSubstr("at byte 30 of 39"));
  EXPECT_EQ(seen.excerpt, R"({"agents":{"a":{"status":"x"}\x01\xff garbage)");
  EXPECT_EQ(interpret("{\"agents\":{\"\xff").error.find('\xff'), std::string::npos);
  EXPECT_EQ(interpret("").error, "the file is empty");
  EXPECT_FALSE(interpret(std::string(4096, '\0')).readable);
}

TEST(Observation, TheEndOfAnOlderLongerFileBehindANewOneIsDamage) {
  EXPECT_FALSE(interpret(R"({"agents":{}}"x"}}})").readable);
}

TEST(Observation, NulBytesBehindAWholeDocumentAreDamage) {
  for (const std::string& tail :
       {std::string(1, '\0'), std::string(3000, '\0'), std::string("\0garbage", 8)}) {
    const Observation seen = interpret(std::string(kSound) + tail);
    EXPECT_FALSE(seen.readable);
    EXPECT_THAT(seen.error, HasSubstr("NUL"));
  }
}

TEST(Observation, RequiredFieldsThatAreMissingOrOfAWrongTypeMakeItUnreadable) {
  for (const char* text : {
           R"([])",
           R"(7)",
           R"({})",
           R"({"agents":null})",
           R"({"agents":7})",
           R"({"agents":{"a":7}})",
           R"({"agents":{"a":{}}})",
           R"({"agents":{"a":{"status":7}}})",
           R"({"agents":{"a":{"status":null}}})",
           R"({"agents":{"a":{"status":"x","id":"b"}}})",
           R"({"agents":{"a":{"status":"x","type":["t"]}}})",
           R"({"agents":{"a":{"status":"x","depth":"1"}}})",
           R"({"agents":{"a":{"status":"x","version":-1}}})",
           R"({"agents":[{"status":"x"}]})",
           R"({"agents":{},"generation":"7"})",
           R"({"agents":{},"counts":{"total":"2"}})",
           R"({"agents":{},"tasks":[]})",
       }) {
    const auto seen = interpret(text);
    EXPECT_FALSE(seen.readable) << text;
    EXPECT_THAT(seen.error, HasSubstr("schema")) << text;
    EXPECT_TRUE(seen.agents.empty()) << text;
    EXPECT_EQ(seen.bytes, text);
  }
}

TEST(Observation, NeitherDepthNorNumbersBeyondAllRangeNorBadPointersThrow) {
  EXPECT_FALSE(interpret(std::string(100'000, '[')).readable);
  EXPECT_FALSE(interpret(R"({"agents":{"a":{"status":"x","depth":99999999999}}})").readable);
  EXPECT_FALSE(interpret(R"({"agents":{"a":{"status":"x","depth":1e999}}})").readable);
  ObservationMap map;
  map.type = "type";
  EXPECT_FALSE(interpret(kSound, map).readable);
}

TEST(Observation, PointersAreCheckedBeforeTheyAreUsed) {
  EXPECT_TRUE(check_pointers(full_map()));
  ObservationMap map = full_map();
  map.status = "status";
  const auto checked = check_pointers(map);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, base::Errc::kInvalid);
  EXPECT_THAT(checked.error().message, HasSubstr("status"));
  map = full_map();
  map.fields["message"] = "/a~2";
  EXPECT_FALSE(check_pointers(map));
}

std::string with_checksum(const std::string& rest) {
  const std::string dump = "{" + rest;
  return fmt::format(R"({{"checksum":"{:016x}",{})", XXH3_64bits(dump.data(), dump.size()), rest);
}

TEST(ObservationChecksum, HoldsOverTheCompactDumpWhateverTheLayout) {
  ObservationMap map;
  map.checksum = "/checksum";
  std::string text = with_checksum(R"("z":1.5,"agents":{"a":{"status":"ü"}},"b":[true,null]})");
  EXPECT_TRUE(interpret(text, map).readable) << interpret(text, map).error;
  text.insert(text.find(R"("agents")"), "\n   ");
  EXPECT_TRUE(interpret(text, map).readable) << interpret(text, map).error;
}

TEST(ObservationChecksum, IsNotConfusedByDuplicates) {
  ObservationMap map;
  map.checksum = "/checksum";
  const auto seen =
      interpret(with_checksum(R"("agents":{"a":{"status":"x"},"a":{"status":"y"}}})"), map);
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_THAT(seen.duplicate_ids, ElementsAre("a"));
}

// Planted bug: content that was changed, or is of another generation, beside its old checksum.
TEST(ObservationChecksum, EachChangedByteIsNoticed) {
  ObservationMap map;
  map.checksum = "/checksum";
  const std::string sound =
      with_checksum(R"("generation":41,"agents":{"abc":{"status":"running"}}})");
  ASSERT_TRUE(interpret(sound, map).readable);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::string damaged = sound;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(interpret(damaged, map).readable) << damaged;
  }
}

TEST(ObservationChecksum, AMissingOneIsUnreadable) {
  ObservationMap map;
  map.checksum = "/checksum";
  EXPECT_FALSE(interpret(kSound, map).readable);
  EXPECT_FALSE(interpret(R"({"checksum":7,"agents":{}})", map).readable);
}

class ObservationFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ss obs-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

// It keeps what it has read last.
TEST(Observation, AnObserverTellsOfTheBytesThatItIsGivenWhateverItWasGivenBefore) {
  const std::string sound(kSound);
  std::string other = sound;
  other.replace(other.find("running"), 7, "waiting");
  const std::string torn = sound.substr(0, sound.size() / 2);
  const Observer observer(full_map());
  for (const std::string& bytes : {sound, sound, other, torn, torn, sound}) {
    const Observation seen = observer.interpret(bytes);
    const Observation anew = interpret(bytes);
    EXPECT_EQ(seen.readable, anew.readable);
    EXPECT_EQ(seen.agents, anew.agents);
    EXPECT_EQ(seen.error, anew.error);
    EXPECT_EQ(seen.excerpt, anew.excerpt);
    EXPECT_EQ(seen.bytes, bytes);
  }
}

TEST_F(ObservationFile, AnAbsentFileIsAbsentAndNotReadable) {
  ObservationMap map;
  map.file = folder_ / "none.json";
  const auto seen = Observer(map).observe();
  EXPECT_TRUE(seen.absent);
  EXPECT_FALSE(seen.readable);
  EXPECT_THAT(seen.error, HasSubstr("none.json"));
}

TEST_F(ObservationFile, WhatCannotBeReadIsNotAbsent) {
  ObservationMap map;
  map.file = folder_;
  const auto seen = Observer(map).observe();
  EXPECT_FALSE(seen.absent);
  EXPECT_FALSE(seen.readable);
}

TEST_F(ObservationFile, ReadsTheFile) {
  ObservationMap map = full_map();
  map.file = folder_ / "registry.json";
  std::ofstream(map.file) << kSound;
  const auto seen = Observer(map).observe();
  EXPECT_TRUE(seen.readable) << seen.error;
  EXPECT_EQ(seen.agents.size(), 2U);
}

}  // namespace
}  // namespace stress
