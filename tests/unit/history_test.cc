// The history's lines: what is written comes back, a killed writer costs at most its last line, and
// damage is told by its line.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/history/codec.h"
#include "harness/history/snapshot_cursor.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A folder of its own, with a space in its path, gone at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ss history-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::filesystem::path file(const std::string& text) const {
    std::ofstream(path_ / "history.jsonl", std::ios::binary) << text;
    return path_ / "history.jsonl";
  }

 private:
  std::filesystem::path path_;
};

/// One of each event, with no member at its default.
std::vector<Event> full_events() {
  RunFacts facts;
  facts.seed = 0xFFFF'FFFF'FFFF'FFFF;
  facts.version = "1";
  facts.engine = "storm";
  facts.spawns_required = 100;
  facts.target = {.name = "t",
                  .sessions = "process",
                  .live_snapshots = true,
                  .has_repair = true,
                  .has_dry_run = true,
                  .has_counts = true,
                  .has_hierarchy = true,
                  .limits_always = true,
                  .promises_durable = false,
                  .promises_no_duplicates = true,
                  .removes_records = true,
                  .keeps_finished_sessions = true,
                  .idempotent_spawn = true,
                  .limits_per_task = true,
                  .agents_report = false,
                  .max_concurrent = 0,
                  .max_agents = 2,
                  .max_depth = 3,
                  .root_parent = "root",
                  .active = {"running"},
                  .claims_session = {"working"},
                  .terminal = {"failed"}};
  const Operation op{.id = 7,
                     .kind = OpKind::kUpdate,
                     .client = "p1.t2",
                     .slot = 3,
                     .replacement = true,
                     .duplicate_of = 0,
                     .task = "T",
                     .type = "worker",
                     .parent = "a",
                     .agent = "b",
                     .writes = {{"message", "line\nbreak \"quoted\" ü 漢 \x01"}},
                     .invoked = -5,
                     .died = 0,
                     .committed = 0,
                     .error = "killed"};
  const ObservedAgent agent{.id = "a",
                            .status = "running",
                            .type = "worker",
                            .task = "T",
                            .parent = "root",
                            .session = "agent_a",
                            .created = "now",
                            .depth = 0,
                            .version = 0xFFFF'FFFF'FFFF'FFFF,
                            .pid = -1,
                            .fields = {{"message", ""}}};
  const ObservedSession session{
      .name = "agent_a", .agent = "a", .marked = true, .pid = 4, .alive = false};
  return {facts,
          Invocation{op},
          Completion{7, 9, OpOutcome::kRefused, "b", "no", {"a", "b"}},
          Fault{.at = 1,
                .kind = "crash",
                .cls = "write-mid",
                .variant = "process",
                .op = 0,
                .agent = "a",
                .detail = "d",
                .injected = false,
                .collateral = {1, 2}},
          Snapshot{.at = {1, 2},
                   .phase = Phase::kBeforeRepair,
                   .readable = false,
                   .absent = true,
                   .error = "e",
                   .excerpt = "x",
                   .harness_damaged = true,
                   .generation = 0,
                   .changed = {agent},
                   .removed = {"z"},
                   .duplicate_ids = {"a"},
                   .counts = {1, 0, -1},
                   .counts_by_task = {{"T", {.active = 0}}}},
          SessionsView{.at = {3, 4},
                       .phase = Phase::kSetup,
                       .attempt = 2,
                       .answered = false,
                       .server_running = false,
                       .sessions = {session}},
          AgentLife{.at = 1, .agent = "a", .pid = 2, .birth = false, .cause = "exit"},
          RepairRun{.at = {1, 2},
                    .role = "second",
                    .ok = false,
                    .error = "e",
                    .reported = 0,
                    .changed_paths = {"p"}},
          Bystander{"agent", "a", "x", "y"},
          Leftover{"process", "pid 1"},
          Stall{7, 8, true, "d"},
          Trouble{"t"},
          Quiescence{true, "w", {session}, {{"a", {1, 2}}}, {"b"}},
          Finished{}};
}

TEST(Codec, EachEventComesBackAsItWas) {
  for (const Event& event : full_events()) {
    const std::string line = encode(event);
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    const auto back = decode(line);
    ASSERT_TRUE(back) << back.error().message << "\n" << line;
    EXPECT_EQ(*back, event) << line;
  }
}

TEST(Codec, DefaultsComeBackAsDefaultsAndCostNothing) {
  for (const Event& full : full_events()) {
    const Event event = std::visit([]<class T>(const T&) -> Event { return T{}; }, full);
    const std::string line = encode(event);
    EXPECT_LT(line.size(), 40u) << line;
    const auto back = decode(line);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, event) << line;
  }
}

TEST(Codec, BytesThatAreNoUtf8AreReplacedNotThrown) {
  const std::string line = encode(Trouble{"bad \xff\xc3( byte"});
  const auto back = decode(line);
  ASSERT_TRUE(back);
  EXPECT_THAT(std::get<Trouble>(*back).what, HasSubstr("\xEF\xBF\xBD"));
  EXPECT_FALSE(decode("{\"event\":\"trouble\",\"what\":\"\xff\"}"));
}

TEST(Codec, NamesTheFieldThatIsWrong) {
  const auto message = [](const std::string& line) {
    const auto result = decode(line);
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_THAT(message(R"({"event":"invoke","id":"x"})"), HasSubstr("'id'"));
  EXPECT_THAT(message(R"({"event":"invoke","id":-1})"), HasSubstr("'id'"));
  EXPECT_THAT(message(R"({"event":"invoke","kind":"dance"})"), HasSubstr("'kind'"));
  EXPECT_THAT(message(R"({"event":"snapshot","changed":[{"id":"a"},{"depth":1.5}]})"),
              HasSubstr("'changed[1].depth'"));
  EXPECT_THAT(message(R"({"event":"run","target":{"max_agents":99999999999}})"),
              HasSubstr("'target.max_agents'"));
  EXPECT_THAT(message(R"({"event":"quiescence","living_agents":{"a":[true]}})"),
              HasSubstr("'living_agents.a[0]'"));
  EXPECT_THAT(message(R"({"event":"unheard"})"), HasSubstr("unheard"));
  EXPECT_THAT(message(R"({"id":1})"), HasSubstr("'event'"));
  EXPECT_THAT(message(R"([1])"), HasSubstr("no JSON object"));
  EXPECT_EQ(message(R"({"event":"trouble","from":"a later version"})"), "accepted");
}

TEST(Builder, PutsInvocationsAndCompletionsTogetherInAnyOrder) {
  EvidenceBuilder builder;
  builder.add(Completion{2, 9, OpOutcome::kOk, "late", "", {}});
  builder.add(Invocation{{.id = 1, .invoked = 5}});
  builder.add(Invocation{{.id = 2, .invoked = 3}});
  builder.add(Completion{1, 7, OpOutcome::kInfo, "", "timed out", {}});
  const Evidence evidence = builder.finish();
  ASSERT_EQ(evidence.operations.size(), 2u);
  EXPECT_EQ(evidence.operations[0].id, 2u);
  EXPECT_EQ(evidence.operations[0].agent, "late");
  EXPECT_EQ(evidence.operations[0].outcome, OpOutcome::kOk);
  EXPECT_EQ(evidence.operations[1].completed, 7);
  EXPECT_EQ(evidence.operations[1].error, "timed out");
  EXPECT_TRUE(evidence.troubles.empty());
}

TEST(Builder, AnAcknowledgementBeatsAnInfoOfTheSameOperation) {
  for (const bool info_first : {false, true}) {
    EvidenceBuilder builder;
    builder.add(Invocation{{.id = 1, .invoked = 5}});
    const Completion info{1, 8, OpOutcome::kInfo, "", "its process died", {}};
    const Completion ok{1, 7, OpOutcome::kOk, "a", "", {}};
    builder.add(info_first ? info : ok);
    builder.add(info_first ? ok : info);
    const Evidence evidence = builder.finish();
    EXPECT_EQ(evidence.operations[0].outcome, OpOutcome::kOk);
    EXPECT_EQ(evidence.operations[0].completed, 7);
    EXPECT_EQ(evidence.operations[0].error, "");
  }
}

TEST(Builder, ContradictionsAreTroubleOfTheHarness) {
  EvidenceBuilder builder;
  builder.add(Invocation{{.id = 1}});
  builder.add(Invocation{{.id = 1}});
  builder.add(Completion{.id = 5});
  const Evidence evidence = builder.finish();
  EXPECT_EQ(evidence.operations.size(), 1u);
  ASSERT_EQ(evidence.troubles.size(), 2u);
  EXPECT_THAT(evidence.troubles[0].what, HasSubstr("operation 1 is invoked twice"));
  EXPECT_THAT(evidence.troubles[1].what, HasSubstr("operation 5 completes without"));
  EXPECT_TRUE(builder.finish().operations.empty()) << "finish() empties it";
}

TEST(HistoryFile, AWholeRunComesBackAsItWas) {
  Evidence run = good_run().evidence();
  run.leftovers.push_back({"socket", "/tmp/s"});
  run.stalls.push_back({1, 2, false, "d"});
  run.troubles.push_back({"t"});
  run.session_views.push_back({.at = {5, 6}, .sessions = {{"n", "a", true, 1, true}}});
  const Folder folder;
  const auto file = folder.file("");
  ASSERT_TRUE(store_history(run, file));
  const auto loaded = load_history(file);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->torn_lines, 0);
  EXPECT_EQ(loaded->evidence, run);
}

TEST(HistoryFile, ATornLastLineIsDroppedAndCountedWhereverItIsCut) {
  const std::string whole = encode(Trouble{"first"}) + "\n";
  const std::string last = encode(Quiescence{true, "", {{"n", "a", true, 1, true}}, {{"a", {1}}}});
  const Folder folder;
  for (std::size_t bytes = 1; bytes < last.size(); ++bytes) {
    const auto loaded = load_history(folder.file(whole + last.substr(0, bytes)));
    ASSERT_TRUE(loaded) << bytes << ": " << loaded.error().message;
    EXPECT_EQ(loaded->torn_lines, 1);
    EXPECT_EQ(loaded->evidence.troubles.size(), 1u);
    EXPECT_FALSE(loaded->evidence.quiescence);
  }
  const auto untorn = load_history(folder.file(whole + last));
  ASSERT_TRUE(untorn);
  EXPECT_EQ(untorn->torn_lines, 0) << "only the newline is missing";
  EXPECT_TRUE(untorn->evidence.quiescence);
}

TEST(HistoryFile, DamageElsewhereIsToldByItsLine) {
  const std::string good = encode(Finished{}) + "\n";
  const Folder folder;
  const auto message = [&folder](const std::string& text) {
    const auto loaded = load_history(folder.file(text));
    return loaded ? std::string("accepted") : loaded.error().message;
  };
  EXPECT_THAT(message(good + "{\"event\":\n" + good), HasSubstr("history.jsonl:2: no JSON object"));
  EXPECT_THAT(message(good + good + "{\"event\":\"stall\",\"op\":-1}"),
              HasSubstr("history.jsonl:3: field 'op'"));
  EXPECT_THAT(message(good + "{\"event\":\n"), HasSubstr(":2:")) << "a whole line is never torn";
}

TEST(HistoryFile, AMissingFileIsAnError) {
  EXPECT_FALSE(load_history("/nonexistent/history.jsonl"));
}

TEST(SnapshotDelta, PutsWholeRegistriesTogetherAgain) {
  SnapshotDelta delta;
  SnapshotCursor cursor;
  const auto agent = [](const std::string& id, const std::string& status) {
    return ObservedAgent{.id = id, .status = status};
  };
  const std::vector<std::vector<ObservedAgent>> wholes = {
      {agent("a", "running"), agent("b", "running")},
      {agent("b", "failed"), agent("c", "running")},
      {},
      {agent("a", "running")}};
  for (const auto& whole : wholes) {
    Snapshot snapshot;
    delta.fill(snapshot, whole);
    std::vector<ObservedAgent> together;
    for (const auto& [id, record] : cursor.apply(snapshot)) together.push_back(record);
    EXPECT_EQ(together, whole);
    Snapshot unreadable;
    unreadable.readable = false;
    cursor.apply(unreadable);
    Snapshot unchanged;
    delta.fill(unchanged, whole);
    EXPECT_TRUE(unchanged.changed.empty());
    EXPECT_TRUE(unchanged.removed.empty());
  }
}

TEST(SnapshotDelta, TellsIdsThatStandTwice) {
  SnapshotDelta delta;
  Snapshot snapshot;
  snapshot.duplicate_ids = {"b"};
  delta.fill(
      snapshot,
      {{.id = "a", .status = "first"}, {.id = "b"}, {.id = "b"}, {.id = "a", .status = "second"}});
  EXPECT_THAT(snapshot.duplicate_ids, ElementsAre("b", "a"));
  EXPECT_EQ(snapshot.changed.front().status, "first");
}

}  // namespace
}  // namespace stress::testing
