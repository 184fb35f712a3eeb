#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "orchestrator/registry/json_store.h"
#include "tests/support/temp_folder.h"

namespace orc {

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<Store>(const std::filesystem::path& workspace)> open;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  std::unique_ptr<Store> open() const { return GetParam().open(workspace_); }

  std::unique_ptr<Store> created() const {
    auto store = open();
    const auto made = store->create(Limits{});
    EXPECT_TRUE(made) << made.error().message;
    return store;
  }

  const tests::TempFolder folder_;
  const std::filesystem::path workspace_ = folder_ / "workspace";
};

inline Task make_task(const std::string& id) {
  Task task;
  task.id = id;
  task.description = "describe " + id;
  return task;
}

inline Agent make_agent(const std::string& id, const std::string& task = "TASK-1",
                        AgentStatus status = AgentStatus::kStarting) {
  Agent agent;
  agent.id = id;
  agent.task_id = task;
  agent.type = "builder";
  agent.status = status;
  return agent;
}

template <class Record>
base::Result<Commit> put(Store& store, const Record& record) {
  return store.transact("put", record.id, [&](Transaction& transaction) -> base::Status {
    transaction.put(record);
    return {};
  });
}

inline std::vector<StoreKind> all_stores() {
  return {{"Json", [](const auto& workspace) { return open_json_store(workspace); }}};
}

}  // namespace orc
