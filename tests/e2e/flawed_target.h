#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "harness/target/builtin.h"
#include "harness/target/target.h"
#include "orchestrator/core/workspace.h"

namespace flawed {

/// The built-in target, untouched; each flaw overrides what it breaks. By itself it is the control:
/// the same seed and flags must pass with it.
class Wrapper : public stress::Target {
 public:
  explicit Wrapper(const stress::RunPlace& place)
      : place_(place), inner_(stress::make_builtin(place)) {}

  [[nodiscard]] stress::TargetFacts facts() const override { return inner_->facts(); }
  base::Status setup(const stress::TargetSetup& setup) override { return inner_->setup(setup); }
  stress::Reply spawn(const stress::SpawnArguments& arguments) override {
    return inner_->spawn(arguments);
  }
  stress::Reply kill(const std::string& agent) override { return inner_->kill(agent); }
  stress::Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) override {
    return inner_->update(agent, writes);
  }
  stress::Reply list() override { return inner_->list(); }
  stress::Reply validate() override { return inner_->validate(); }
  stress::RepairReply repair(bool dry_run) override { return inner_->repair(dry_run); }
  [[nodiscard]] const stress::Observer& observer() const override { return inner_->observer(); }
  [[nodiscard]] std::vector<std::filesystem::path> declared_logs() const override {
    return inner_->declared_logs();
  }
  [[nodiscard]] stress::SessionNaming session_naming() const override {
    return inner_->session_naming();
  }
  [[nodiscard]] bool in_transit(const std::string& command) const override {
    return inner_->in_transit(command);
  }
  [[nodiscard]] bool runs_commands() const override { return inner_->runs_commands(); }
  [[nodiscard]] std::vector<std::string> tasks() const override { return inner_->tasks(); }
  [[nodiscard]] std::vector<std::filesystem::path> watched() const override {
    return inner_->watched();
  }
  [[nodiscard]] std::chrono::milliseconds reply_deadline() const override {
    return inner_->reply_deadline();
  }

 protected:
  [[nodiscard]] stress::Target& inner() const { return *inner_; }
  [[nodiscard]] const stress::RunPlace& place() const { return place_; }

  /// True once in a run, at the second spawn of some process: by then the storm is on, for the
  /// harness's own spawns before it are one a process.
  bool strikes();

  /// A change of one record by the core's own means, so that nothing else about the registry is
  /// wrong.
  using Change = std::function<base::Status(orc::Agent&)>;
  base::Status change_record(const std::string& agent, const Change& change) const;

  /// Other bytes in the registry's place, whole, until somebody has read them; under its lock, so
  /// that the core never does.
  using Edit = std::function<std::string(std::string)>;
  void show_to_a_reader(const Edit& edit) const;

  /// The registry's bytes once more, into the file that has them, under its lock.
  void save_in_place() const;

 private:
  stress::RunPlace place_;
  std::unique_ptr<stress::Target> inner_;
  std::atomic<int> spawns_{0};
};

}  // namespace flawed
