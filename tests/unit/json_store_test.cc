#include "orchestrator/registry/json_store.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "orchestrator/base/file_lock.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/registry/checksum.h"
#include "tests/support/child_process.h"
#include "tests/unit/json_store_fixture.h"

namespace orc {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Counts how often a file in a folder is opened, by whomever.
class OpenCounter {
 public:
  OpenCounter(const std::filesystem::path& folder, std::string name)
      : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), name_(std::move(name)) {
    EXPECT_GE(::inotify_add_watch(fd_.get(), folder.c_str(), IN_OPEN), 0);
  }

  int count() {
    alignas(inotify_event) std::array<char, 65536> buffer;
    ssize_t got = 0;
    while ((got = ::read(fd_.get(), buffer.data(), buffer.size())) > 0) {
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        inotify_event event;
        std::memcpy(&event, buffer.data() + at, sizeof event);
        if (event.len > 0 && name_ == buffer.data() + at + sizeof event) ++opens_;
        at += sizeof event + event.len;
      }
    }
    return opens_;
  }

 private:
  base::UniqueFd fd_;
  std::string name_;
  int opens_ = 0;
};

class JsonStore : public JsonStoreTest {};

TEST_F(JsonStore, TheFileIsOneRecordALineUnderAChecksumOverItsCompactDump) {
  const std::string text = registry_text();
  Json document = Json::parse(text);
  EXPECT_EQ(document.begin().key(), "checksum");
  const std::string stored = document["checksum"];
  document.erase("checksum");
  Checksum checksum;
  checksum.update(document.dump());
  EXPECT_EQ(checksum.hex(), stored);
  const auto lines = lines_of(text);
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_TRUE(
      lines[3].starts_with(R"("a-1":{"status":"starting","task_id":"TASK-1","type":"builder")"));
}

TEST_F(JsonStore, WhatIsNotChangedKeepsItsBytes) {
  const auto before = lines_of(registry_text());
  ASSERT_TRUE(store_->transact("x", "", [](Transaction& transaction) -> base::Status {
    auto agent = transaction.agent("a-2").value();
    agent.message = "changed";
    transaction.put(agent);
    return {};
  }));
  const auto after = lines_of(registry_text());
  ASSERT_EQ(after.size(), before.size());
  std::set<std::size_t> changed;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != after[i]) changed.insert(i);
  }
  EXPECT_EQ(changed, (std::set<std::size_t>{0, 4}));
}

TEST_F(JsonStore, EachTransactionOpensTheFileOnceAndReadersOnce) {
  OpenCounter opens(workspace_, "registry.json");
  ASSERT_TRUE(add("a-4"));
  EXPECT_EQ(opens.count(), 1);
  ASSERT_TRUE(do_nothing());
  EXPECT_EQ(opens.count(), 2);
  ASSERT_TRUE(store_->read());
  EXPECT_EQ(opens.count(), 3);
}

TEST_F(JsonStore, ReadingAndInspectingChangeNotOneByte) {
  const auto tree = fingerprint();
  ASSERT_TRUE(store_->read());
  ASSERT_TRUE(store_->inspect([](const RegistryState&) -> base::Status { return {}; }));
  ASSERT_TRUE(store_->damage());
  ASSERT_TRUE(store_->backups());
  ASSERT_TRUE(store_->leftovers());
  EXPECT_EQ(fingerprint(), tree);
}

TEST_F(JsonStore, InspectsAlsoWhereTheLockIsMissingAndDoesNotMakeIt) {
  std::filesystem::remove(workspace_ / "registry.lock");
  ASSERT_TRUE(store_->inspect([](const RegistryState&) -> base::Status { return {}; }));
  EXPECT_FALSE(std::filesystem::exists(workspace_ / "registry.lock"));
  ASSERT_TRUE(add("a-4")) << "a change makes it anew";
}

TEST_F(JsonStore, AnEditByHandWithTheRightChecksumIsReadAndKeepsItsOrder) {
  Json document = Json::parse(registry_text());
  Json edited{{"note", "by hand"}, {"agents", document["agents"]}};
  for (const auto& [name, value] : document.items()) {
    if (name != "checksum") edited[name] = value;
  }
  edited["agents"]["a-1"] = Json{{"type", "builder"},
                                 {"id", "a-1"},
                                 {"task_id", "TASK-1"},
                                 {"mine", 1.5},
                                 {"status", "working"}};
  Checksum checksum;
  checksum.update(edited.dump());
  edited["checksum"] = checksum.hex();
  overwrite(edited.dump(2));
  EXPECT_EQ(store_->read().value()->find("a-1")->status, AgentStatus::kWorking);
  ASSERT_TRUE(add("a-4"));
  const Json after = Json::parse(registry_text());
  std::vector<std::string> names;
  for (const auto& [name, value] : after.items()) names.push_back(name);
  EXPECT_EQ(std::vector(names.begin(), names.begin() + 4),
            (std::vector<std::string>{"checksum", "note", "agents", "format"}));
  EXPECT_EQ(after["agents"]["a-1"].dump(), edited["agents"]["a-1"].dump());
  EXPECT_EQ(store_->read().value()->agents().size(), 4U);
}

TEST_F(JsonStore, RecountRewritesWrongCountsAndOnlyThen) {
  Json document = Json::parse(registry_text());
  document["counts"]["agents_active"] = 17;
  document["tasks"]["TASK-1"]["counts"]["agents_total"] = 1;
  document.erase("checksum");
  Checksum checksum;
  checksum.update(document.dump());
  document["checksum"] = checksum.hex();
  overwrite(document.dump());
  const auto state = store_->read().value();
  EXPECT_EQ(state->stored_counts().agents_active, 17);
  EXPECT_EQ(state->stored_counts_by_task().at("TASK-1").agents_total, 1);
  EXPECT_EQ(state->counts().agents_active, 3);
  const auto nothing = do_nothing().value();
  EXPECT_EQ(nothing.generation_before, nothing.generation_after);
  const auto recount = [](Transaction& transaction) -> base::Status {
    transaction.recount();
    return {};
  };
  const auto first = store_->transact("recount", "", recount).value();
  EXPECT_EQ(first.generation_after, first.generation_before + 1);
  const auto after = store_->read().value();
  EXPECT_EQ(after->stored_counts(), after->counts());
  EXPECT_EQ(after->stored_counts_by_task(), after->counts_by_task());
  const auto second = store_->transact("recount", "", recount).value();
  EXPECT_EQ(second.generation_after, second.generation_before);
}

TEST_F(JsonStore, KeepsThePresentAndTheConfiguredNumberOfEarlierGenerations) {
  const auto store = open_json_store(workspace_, {.backups_kept = 2});
  for (const char* id : {"b-1", "b-2", "b-3"}) ASSERT_TRUE(add(*store, id));
  const auto backups = store->backups().value();
  ASSERT_EQ(backups.size(), 3U);
  for (std::size_t i = 0; i < backups.size(); ++i) {
    EXPECT_EQ(backups[i].generation, generation() - i);
    EXPECT_EQ(backups[i].agents, 6U - i);
    EXPECT_TRUE(backups[i].good);
  }
}

TEST_F(JsonStore, AStaleBackupOfThisGenerationGivesWay) {
  const std::uint64_t next = generation() + 1;
  const auto stale = workspace_ / "backups" / fmt::format("registry-{:012}.json", next);
  std::ofstream(stale) << "of a generation that a power loss took back";
  ASSERT_TRUE(add("a-4"));
  EXPECT_EQ(base::read_file(stale).value(), registry_text());
}

TEST_F(JsonStore, TheModeOfTheFileStays) {
  ASSERT_EQ(::chmod(registry_.c_str(), 0640), 0);
  ASSERT_TRUE(add("a-4"));
  struct stat status{};
  ASSERT_EQ(::stat(registry_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(JsonStore, AFullDiskIsAnErrorAndTheOldGenerationStands) {
  const auto tree = fingerprint();
  tests::ChildProcess child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const auto commit = add("a-4");
    return !commit && commit.error().code == base::Errc::kIo ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(fingerprint(), tree);
  EXPECT_TRUE(add("a-4"));
}

TEST_F(JsonStore, NothingIsPublishedWhenTheLockWasDeletedWhileHeld) {
  const std::string before = registry_text();
  const auto commit = store_->transact("x", "", [&](Transaction& transaction) -> base::Status {
    std::filesystem::remove(workspace_ / "registry.lock");
    transaction.set_limits({1, 1, 1});
    return {};
  });
  ASSERT_FALSE(commit);
  EXPECT_EQ(commit.error().code, base::Errc::kConflict);
  EXPECT_EQ(registry_text(), before);
  EXPECT_TRUE(store_->leftovers().value().empty());
  EXPECT_TRUE(add("a-4"));
}

TEST_F(JsonStore, WaitsForTheLockOnlyUntilItsDeadline) {
  const auto lock = base::FileLock::acquire(workspace_ / "registry.lock", std::chrono::seconds(30));
  ASSERT_TRUE(lock);
  const auto store = open_json_store(workspace_, {.lock_timeout = std::chrono::milliseconds(30)});
  EXPECT_EQ(add(*store, "a-4").error().code, base::Errc::kTimeout);
  EXPECT_TRUE(store->read()) << "a reader needs no lock";
}

TEST_F(JsonStore, FindsAndRemovesTemporaryFilesOfKilledWritersOnly) {
  std::ofstream(workspace_ / "registry.json.tmp-abc") << "torn";
  std::ofstream(workspace_ / "notes.tmp-abc") << "not ours";
  EXPECT_EQ(store_->leftovers().value(), std::vector<std::string>{"registry.json.tmp-abc"});
  EXPECT_EQ(store_->remove_leftovers().value(), 1);
  EXPECT_TRUE(store_->leftovers().value().empty());
  EXPECT_TRUE(std::filesystem::exists(workspace_ / "notes.tmp-abc"));
}

class OperationsLog : public JsonStoreTest {
 protected:
  const std::filesystem::path log_ = workspace_ / "operations.jsonl";
};

TEST_F(OperationsLog, HasOneLineForEachTransactionNoOpsIncluded) {
  const std::size_t before = lines_of(base::read_file(log_).value()).size();
  ASSERT_TRUE(add("a-4"));
  ASSERT_TRUE(do_nothing());
  const auto lines = lines_of(base::read_file(log_).value());
  ASSERT_EQ(lines.size(), before + 2);
  const Json change = Json::parse(lines[before]);
  EXPECT_EQ(change["operation"], "add");
  EXPECT_EQ(change["agent"], "a-4");
  EXPECT_EQ(change["pid"], ::getpid());
  EXPECT_EQ(change["generation_after"], generation());
  EXPECT_EQ(change["generation_before"], generation() - 1);
  EXPECT_EQ(change["restored"], false);
  EXPECT_TRUE(change["waited_us"].is_number() && change["held_us"].is_number());
  EXPECT_TRUE(base::from_iso8601(change["time"].get<std::string>()));
  const Json nothing = Json::parse(lines[before + 1]);
  EXPECT_EQ(nothing["generation_after"], nothing["generation_before"]);
}

TEST_F(OperationsLog, RotatesBySizeKeepingOneOldFile) {
  const auto store = open_json_store(workspace_, {.operations_log_bytes_max = 1000});
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(add(*store, "b-" + std::to_string(i)));
  EXPECT_LE(std::filesystem::file_size(log_), 1000U);
  auto old = log_;
  old += ".1";
  for (const auto& file : {log_, old}) {
    for (const auto& line : lines_of(base::read_file(file).value())) {
      EXPECT_FALSE(Json::parse(line, nullptr, false).is_discarded()) << line;
    }
  }
}

TEST_F(OperationsLog, EndsALineThatAKilledWriterLeft) {
  std::ofstream(log_, std::ios::app) << "{\"torn";
  ASSERT_TRUE(add("a-4"));
  EXPECT_EQ(Json::parse(lines_of(base::read_file(log_).value()).back())["agent"], "a-4");
}

TEST_F(OperationsLog, IsOffByOneFlagAndItsFailureIsNobodysFailure) {
  std::filesystem::remove(log_);
  const auto quiet = open_json_store(workspace_, {.operations_log = false});
  ASSERT_TRUE(add(*quiet, "a-4"));
  EXPECT_FALSE(std::filesystem::exists(log_));
  std::filesystem::create_directory(log_);
  EXPECT_TRUE(add("a-5"));
}

}  // namespace
}  // namespace orc
