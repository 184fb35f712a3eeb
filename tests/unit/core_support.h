#pragma once

#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "orchestrator/core/agents.h"
#include "orchestrator/core/spawner.h"
#include "orchestrator/core/tasks.h"
#include "orchestrator/core/validator.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_folder.h"

namespace orc::core_test {

/// A process that has died.
inline base::ProcessIdentity dead_process() {
  tests::ChildProcess child([] {
    ::pause();
    return 0;
  });
  base::ProcessIdentity identity = *base::identify(child.pid());
  child.kill(SIGKILL);
  child.wait();
  return identity;
}

/// Sessions that are only believed in, and every way in which a host can fail.
class FakeHost final : public SessionHost {
 public:
  base::Result<SessionIdentity> create(const SessionSpec& spec) override {
    if (before_create) before_create(spec);
    std::optional<base::Error> error = create_error;
    SessionIdentity identity;
    if (!error || made_all_the_same) identity = add(spec.name, spec.workspace, spec.attempt);
    if (error) return std::unexpected(*error);
    if (after_create) after_create(spec);
    return identity;
  }

  base::Result<Listing> list() override {
    if (list_error) return std::unexpected(*list_error);
    const std::lock_guard lock(mutex);
    return listing;
  }

  base::Status end(const SessionIdentity& session, std::chrono::milliseconds) override {
    if (end_error) return std::unexpected(*end_error);
    const std::lock_guard lock(mutex);
    drop([&](const Session& listed) { return listed.identity == session; });
    ended.push_back(session.name);
    return {};
  }

  base::Result<std::string> capture(const SessionIdentity&, int) override {
    return base::fail(base::Errc::kUnavailable, "no screen");
  }

  base::Liveness liveness(const Listing& seen, const SessionIdentity& session) const override {
    if (unknown_liveness) return base::Liveness::kUnknown;
    const bool listed = std::ranges::any_of(
        seen.sessions, [&](const Session& other) { return other.identity == session; });
    return listed ? base::Liveness::kAlive : base::Liveness::kDead;
  }

  SessionIdentity add(const std::string& name, const std::string& workspace,
                      const std::string& attempt) {
    const std::lock_guard lock(mutex);
    listing.server_running = true;
    const auto& process = processes.emplace_back([] {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves nothing behind
      for (;;) ::pause();
      return 0;
    });
    SessionIdentity identity{"fake", name, fmt::format("${}", ++made), base::self_identity(),
                             *base::identify(process.pid())};
    listing.sessions.push_back({identity, workspace, attempt});
    return identity;
  }

  /// The sessions vanish, and their processes with them.
  void drop(const std::function<bool(const Session&)>& which) {
    for (const Session& session : listing.sessions) {
      if (!which(session) || !session.identity.process) continue;
      (void)base::signal_process(*session.identity.process, SIGKILL);
      (void)base::wait_dead(*session.identity.process, std::chrono::seconds(30));
    }
    std::erase_if(listing.sessions, which);
  }

  std::mutex mutex;
  std::list<tests::ChildProcess> processes;
  Listing listing;
  int made = 0;
  std::vector<std::string> ended;
  std::function<void(const SessionSpec&)> before_create, after_create;
  std::optional<base::Error> create_error, list_error, end_error;
  bool made_all_the_same = false;
  bool unknown_liveness = false;
};

/// A workspace with the task "t" on a fake host.
class CoreTest : public testing::Test {
 protected:
  void SetUp() override { make({}); }

  void make(Config config, const Limits& limits = {}, const Limits& task_limits = {}) {
    config.sessions = "process";
    if (config.agent_command.empty()) config.agent_command = {"agent"};
    workspace.reset();
    root = folder / fmt::format("ws{}", ++workspaces);
    ASSERT_TRUE(Workspace::init(root, config, limits));
    auto fake = std::make_unique<FakeHost>();
    host = fake.get();
    auto opened = Workspace::open(root, {.operations_log = true, .host = std::move(fake)});
    ASSERT_TRUE(opened) << opened.error().message;
    workspace.emplace(*std::move(opened));
    TaskRequest task;
    task.id = "t";
    task.description = "Build the parser";
    task.limits = task_limits;
    ASSERT_TRUE(create_task(*workspace, task));
  }

  base::Result<SpawnReply> spawn(const std::string& type = "coder",
                                 const std::string& parent = std::string(kRootParent)) {
    SpawnRequest request;
    request.task_id = "t";
    request.type = type;
    request.parent = parent;
    request.prompt = "Begin";
    return Spawner(*workspace, "/bin/orchestrator").spawn(request);
  }

  Agent record(const std::string& id) {
    const auto state = workspace->store().read();
    return (*state)->agent(id).value();
  }

  std::vector<Agent> records() {
    const auto state = workspace->store().read();
    std::vector<Agent> out;
    for (const AgentEntry& entry : (*state)->agents()) {
      out.push_back((*state)->agent(entry.id).value());
    }
    return out;
  }

  /// Writes a record as no orderly course of events would.
  void plant(const Agent& agent) {
    ASSERT_TRUE(
        workspace->store().transact("plant", agent.id, [&](Transaction& tx) -> base::Status {
          tx.put(agent);
          return {};
        }));
  }

  void change(const std::string& id, const std::function<void(Agent&)>& how) {
    Agent agent = record(id);
    how(agent);
    plant(agent);
  }

  tests::TempFolder folder;
  int workspaces = 0;
  std::filesystem::path root;
  std::optional<Workspace> workspace;
  FakeHost* host = nullptr;
};

}  // namespace orc::core_test
