#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "orchestrator/base/file_io.h"
#include "orchestrator/registry/json_store.h"
#include "tests/support/temp_folder.h"

namespace orc {

/// A workspace with a registry of some generations.
class JsonStoreTest : public testing::Test {
 protected:
  JsonStoreTest() {
    EXPECT_TRUE(store_->create(Limits{}));
    EXPECT_TRUE(store_->transact("task", "", [](Transaction& transaction) -> base::Status {
      Task task;
      task.id = "TASK-1";
      transaction.put(task);
      return {};
    }));
    for (const char* id : {"a-1", "a-2", "a-3"}) EXPECT_TRUE(add(id));
  }

  base::Result<Commit> add(const std::string& id) const { return add(*store_, id); }

  static base::Result<Commit> add(Store& store, const std::string& id) {
    return store.transact("add", id, [&](Transaction& transaction) -> base::Status {
      Agent agent;
      agent.id = id;
      agent.task_id = "TASK-1";
      agent.type = "builder";
      transaction.put(agent);
      return {};
    });
  }

  base::Result<Commit> do_nothing() const {
    return store_->transact("nothing", "", [](Transaction&) -> base::Status { return {}; });
  }

  std::uint64_t generation() const { return store_->read().value()->generation(); }
  std::string registry_text() const { return base::read_file(registry_).value(); }

  void overwrite(const std::string& text) const {
    std::ofstream(registry_, std::ios::binary | std::ios::trunc) << text;
  }

  std::vector<std::filesystem::path> files_in(const char* folder) const {
    std::vector<std::filesystem::path> files;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(workspace_ / folder, missing)) {
      files.push_back(entry.path());
    }
    return files;
  }

  /// Name, inode, mode, time of change and content of everything in the workspace.
  std::map<std::string, std::string> fingerprint() const {
    std::map<std::string, std::string> entries;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(workspace_)) {
      struct stat status{};
      EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
      entries[entry.path().string()] =
          fmt::format("{} {:o} {}.{} {}", status.st_ino, status.st_mode, status.st_mtim.tv_sec,
                      status.st_mtim.tv_nsec, base::read_file(entry.path()).value_or(""));
    }
    return entries;
  }

  const tests::TempFolder folder_;
  const std::filesystem::path workspace_ = folder_ / "workspace";
  const std::filesystem::path registry_ = workspace_ / "registry.json";
  const std::unique_ptr<Store> store_ = open_json_store(workspace_);
};

}  // namespace orc
