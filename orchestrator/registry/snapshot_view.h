#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/registry/snapshot.h"
#include "orchestrator/registry/store.h"

namespace orc {

/// The calls of RegistryState answered by a snapshot, for RegistryState and for Transaction.
template <class Interface>
class SnapshotView : public Interface {
 public:
  explicit SnapshotView(Snapshot& snapshot) : snapshot_(snapshot) {}

  [[nodiscard]] std::uint64_t generation() const override { return snapshot_.generation(); }
  [[nodiscard]] std::optional<std::uint64_t> restored_from() const override {
    return snapshot_.restored_from();
  }
  [[nodiscard]] const Limits& limits() const override { return snapshot_.limits(); }
  [[nodiscard]] const std::vector<AgentEntry>& agents() const override {
    return snapshot_.agents();
  }
  [[nodiscard]] const AgentEntry* find(std::string_view id) const override {
    return snapshot_.find(id);
  }
  [[nodiscard]] base::Result<Agent> agent(std::string_view id) const override {
    return snapshot_.agent(id);
  }
  [[nodiscard]] const std::vector<Task>& tasks() const override { return snapshot_.tasks(); }
  [[nodiscard]] const Task* task(std::string_view id) const override { return snapshot_.task(id); }
  [[nodiscard]] Counts counts() const override { return snapshot_.counts(); }
  [[nodiscard]] Counts stored_counts() const override { return snapshot_.stored_counts(); }
  [[nodiscard]] std::map<std::string, Counts> counts_by_task() const override {
    return snapshot_.counts_by_task();
  }
  [[nodiscard]] std::map<std::string, Counts> stored_counts_by_task() const override {
    return snapshot_.stored_counts_by_task();
  }
  [[nodiscard]] Json document() const override { return snapshot_.document(); }

 protected:
  Snapshot& snapshot_;
};

/// What a reader holds.
class SnapshotState final : public SnapshotView<RegistryState> {
 public:
  explicit SnapshotState(std::unique_ptr<Snapshot> snapshot)
      : SnapshotView(*snapshot), owned_(std::move(snapshot)) {}

 private:
  std::unique_ptr<Snapshot> owned_;
};

/// What a body changes. put() cannot answer, so the first refusal fails the whole transaction.
class SnapshotTransaction final : public SnapshotView<Transaction> {
 public:
  SnapshotTransaction(Snapshot& snapshot, base::WallTime now) : SnapshotView(snapshot), now_(now) {}

  void put(Agent agent) override {
    agent_put_ = agents_put_++ == 0 ? agent.id : "";
    note(snapshot_.put(std::move(agent), now_));
  }
  void put(Task task) override { note(snapshot_.put(std::move(task), now_)); }
  void set_limits(const Limits& limits) override { snapshot_.set_limits(limits); }
  void recount() override { recount_ = true; }

  [[nodiscard]] const base::Status& outcome() const { return outcome_; }
  /// The one agent that was put; empty: none, or several.
  [[nodiscard]] const std::string& agent_put() const { return agent_put_; }
  [[nodiscard]] bool has_work() const {
    return snapshot_.changed() || (recount_ && snapshot_.counts_wrong());
  }

 private:
  void note(base::Status status) {
    if (outcome_) outcome_ = std::move(status);
  }

  base::WallTime now_;
  bool recount_ = false;
  int agents_put_ = 0;
  std::string agent_put_;
  base::Status outcome_;
};

}  // namespace orc
