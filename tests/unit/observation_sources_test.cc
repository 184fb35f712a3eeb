#include "harness/target/observation_sources.h"

#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/file_lock.h"
#include "tests/support/temp_folder.h"

namespace stress {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Source = TargetObservation::Source;

class Sources : public ::testing::Test {
 protected:
  Sources() {
    fs::create_directories(folder_ / "work [1]");
    place_.workspace = folder_ / "work [1]";  // no pattern, whatever it looks like
    place_.scratch = folder_ / "scratch";
    place_.env = {"PATH=/usr/bin:/bin"};
    fs::create_directories(place_.scratch);
    observe_.map = ObservationMap{};
    observe_.map.session = "/session";
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((place_.workspace / name).parent_path());
    std::ofstream(place_.workspace / name, std::ios::binary) << text;
  }
  Observation look() const {
    return make_observer(observe_, place_, {{"workspace", place_.workspace.string()}},
                         std::chrono::seconds(20))
        ->observe();
  }
  static std::vector<std::string> ids(const Observation& seen) {
    std::vector<std::string> result;
    for (const ObservedAgent& agent : seen.agents) result.push_back(agent.id);
    return result;
  }

  tests::TempFolder folder_;
  RunPlace place_;
  TargetObservation observe_;
};

class FilePerAgent : public Sources {
 protected:
  FilePerAgent() {
    observe_.source = Source::kFiles;
    observe_.path = "{workspace}/agents/*/meta.json";
    observe_.map.agents = "";
  }
};

TEST_F(FilePerAgent, EachFileIsOneAgent) {
  write("agents/b/meta.json", R"({"id": "b", "status": "running"})");
  write("agents/a/meta.json", R"({"id": "a", "status": "done"})");
  write("agents/a/other.json", R"({"id": "no", "status": "done"})");
  const Observation seen = look();
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_THAT(ids(seen), ElementsAre("a", "b"));
}

TEST_F(FilePerAgent, NoFileIsNoAgent) {
  const Observation seen = look();
  EXPECT_TRUE(seen.readable) << seen.error;
  EXPECT_THAT(ids(seen), IsEmpty());
}

TEST_F(FilePerAgent, OneDamagedFileMakesTheRegistryUnreadableByName) {
  write("agents/a/meta.json", R"({"id": "a", "status": "done"})");
  write("agents/b/meta.json", R"({"id": "b", "stat)");
  const Observation seen = look();
  EXPECT_FALSE(seen.readable || seen.absent || seen.not_looked);
  EXPECT_THAT(seen.error, HasSubstr("agents/b/meta.json: no whole JSON"));
}

class PrintedRegistry : public Sources {
 protected:
  PrintedRegistry() { observe_.source = Source::kCommand; }
  void prints(const std::string& script) { observe_.argv = {"/bin/sh", "-c", script}; }
};

TEST_F(PrintedRegistry, IsWhatTheCommandPrints) {
  prints(R"(echo '{"agents": [{"id": "a", "status": "up"}]}')");
  const Observation seen = look();
  ASSERT_TRUE(seen.readable) << seen.error;
  EXPECT_THAT(ids(seen), ElementsAre("a"));
}

TEST_F(PrintedRegistry, AnExitCodeMeansUnreadableAndNeverEmpty) {
  prints("echo '{\"agents\": []}'; echo damaged >&2; exit 4");
  const Observation seen = look();
  EXPECT_FALSE(seen.readable || seen.not_looked);
  EXPECT_THAT(seen.error, HasSubstr("exits with 4: damaged"));
}

TEST_F(PrintedRegistry, ACommandThatWasKilledHasToldNothing) {
  prints("kill -9 $$");
  EXPECT_TRUE(look().not_looked);
  observe_.argv = {"no-such-program-anywhere"};
  EXPECT_TRUE(look().not_looked);
}

class LockedRegistry : public Sources {
 protected:
  LockedRegistry() {
    observe_.path = "{workspace}/registry.json";
    observe_.reading = TargetObservation::Reading::kLocked;
    observe_.lock = "{workspace}/lock";
    write("registry.json", R"({"agents": [{"id": "a", "status": "up"}]})");
  }
};

TEST_F(LockedRegistry, IsReadWithALockThatReadersShare) {
  write("lock", "");
  const auto other =
      base::FileLock::acquire_shared(place_.workspace / "lock", std::chrono::seconds(1));
  ASSERT_TRUE(other);
  EXPECT_TRUE(look().readable);
}

TEST_F(LockedRegistry, IsReadBeforeAnybodyHasMadeTheLock) {
  EXPECT_TRUE(look().readable);
  EXPECT_FALSE(fs::exists(place_.workspace / "lock"));
}

TEST_F(LockedRegistry, AWriterKeepsReadersOut) {
  write("lock", "");
  const auto writer = base::FileLock::acquire(place_.workspace / "lock", std::chrono::seconds(1));
  ASSERT_TRUE(writer);
  EXPECT_EQ(base::FileLock::acquire_shared(place_.workspace / "lock", std::chrono::milliseconds(10))
                .error()
                .code,
            base::Errc::kTimeout);
}

class Database : public Sources {
 protected:
  Database() {
    observe_.source = Source::kDatabase;
    observe_.path = "{workspace}/orc.db";
    observe_.agents_query = "select name as id, state as status, pane as session, pid from agents";
    observe_.map.pid = "/pid";
  }
  ~Database() override { sqlite3_close(handle_); }
  void run(const std::string& sql) {
    if (handle_ == nullptr) {
      ASSERT_EQ(sqlite3_open((place_.workspace / "orc.db").c_str(), &handle_), SQLITE_OK);
    }
    ASSERT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle_);
  }
  void fill() {
    run("create table agents(name, state, pane, pid integer);"
        "insert into agents values('a', 'up', 's-a', 7), ('b', 'down', null, null)");
  }
  sqlite3* handle_ = nullptr;
};

TEST_F(Database, RowsAreAgentsByTheNamesOfTheirColumns) {
  fill();
  const Observation seen = look();
  ASSERT_TRUE(seen.readable) << seen.error;
  ASSERT_THAT(ids(seen), ElementsAre("a", "b"));
  EXPECT_EQ(seen.agents[0].session, "s-a");
  EXPECT_EQ(seen.agents[0].pid, 7);
  EXPECT_EQ(seen.agents[1].pid, std::nullopt);
}

TEST_F(Database, WhatStandsOnlyInTheWriteAheadLogIsSeenToo) {
  run("pragma journal_mode = wal; pragma wal_autocheckpoint = 0");
  fill();
  ASSERT_GT(fs::file_size(place_.workspace / "orc.db-wal"), 0U);
  EXPECT_THAT(ids(look()), ElementsAre("a", "b"));
}

TEST_F(Database, ALookChangesNothingAndWaitsForNobody) {
  fill();
  run("begin immediate; insert into agents values('c', 'up', null, null)");  // holds the lock
  const std::string before = base::read_file(place_.workspace / "orc.db").value_or("none");
  EXPECT_THAT(ids(look()), ElementsAre("a", "b"));
  EXPECT_EQ(base::read_file(place_.workspace / "orc.db").value_or(""), before);
  EXPECT_THAT(fs::is_empty(place_.scratch), true);
}

TEST_F(Database, CountsComeFromAQueryOfTheirOwn) {
  fill();
  observe_.counts_query = "select 2 as total, 1 as active";
  const Observation seen = look();
  EXPECT_EQ(seen.counts.total, 2);
  EXPECT_EQ(seen.counts.active, 1);
  EXPECT_EQ(seen.counts.completed, std::nullopt);
}

TEST_F(Database, ADamagedOneIsUnreadableAndAMissingOneAbsent) {
  EXPECT_TRUE(look().absent);
  write("orc.db", std::string(8192, 'x'));
  const Observation seen = look();
  EXPECT_FALSE(seen.readable || seen.absent || seen.not_looked);
  EXPECT_THAT(seen.error, HasSubstr("file is not a database"));
}

TEST_F(Database, WhereTheCopyFailsNobodyHasLooked) {
  fill();
  place_.scratch = folder_ / "nowhere";
  EXPECT_TRUE(look().not_looked);
}

}  // namespace
}  // namespace stress
