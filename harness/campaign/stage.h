#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "harness/campaign/agent_names.h"
#include "harness/campaign/blind_spot_notes.h"
#include "harness/campaign/disk.h"
#include "harness/campaign/run_folder.h"
#include "harness/campaign/session_probe.h"
#include "harness/fault/storm_policy.h"
#include "harness/supervise/engine.h"
#include "harness/supervise/group.h"
#include "harness/supervise/guardian.h"
#include "harness/supervise/policy_by_root.h"
#include "harness/target/target.h"
#include "harness/workload/control.h"

namespace stress {

/// How crashes get in.
enum class Injection { kAuto, kSupervisor, kSignals };

/// Everything that stands while a run is on: its folders, its group of processes with the guardian,
/// the target in a fresh workspace and once more in a second one, eyes and hands on its sessions,
/// and the engine. Destroying it takes all of it away again.
class Stage {
 public:
  struct Plan {
    std::filesystem::path out;
    std::string name;
    std::filesystem::path folder;  ///< not empty: results go there, and `out` and `name` are unused
    std::string target;
    std::string sessions;
    TargetSetup setup;
    Injection injection = Injection::kAuto;
    /// Which calls the engine is to see, where it may. Where the target runs commands: exits too.
    std::uint32_t filter = 0;
    bool own_server = false;  ///< the caller starts the tmux server; a second workspace has none
    bool own_disk = false;    ///< the first workspace lies on a disk of its own; needs a room
  };

  /// Errors: the run cannot begin; nothing is left behind but an empty results folder.
  static base::Result<std::unique_ptr<Stage>> build(const Plan& plan);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  [[nodiscard]] const RunFolder& folder() const { return *folder_; }
  /// nullptr: the workspace lies where the results do.
  [[nodiscard]] const Disk* disk() const { return disk_ ? &*disk_ : nullptr; }
  [[nodiscard]] const Group& group() const { return *group_; }
  [[nodiscard]] const RunPlace& place() const { return place_; }
  [[nodiscard]] const RunPlace& second_place() const { return second_place_; }
  [[nodiscard]] Target& target() { return *target_; }
  [[nodiscard]] Target& second_target() { return *second_target_; }
  [[nodiscard]] const SessionNaming& naming() const { return naming_; }
  [[nodiscard]] SessionProbe& probe() { return *probe_; }
  [[nodiscard]] AgentNames& names() { return *names_; }
  [[nodiscard]] ControlBlock& control() { return **control_; }
  [[nodiscard]] std::filesystem::path control_file() const { return folder_->logs() / "control"; }
  [[nodiscard]] ThreadMap& threads() { return *threads_; }
  [[nodiscard]] const PointClassifier& classifier() const { return classifier_; }
  [[nodiscard]] PolicyByRoot& policies() { return policies_; }
  [[nodiscard]] Engine& engine() { return *engine_; }
  /// Why the supervisor may not work here; empty: it does.
  [[nodiscard]] const std::string& unsupervised_because() const { return unsupervised_because_; }

  /// What went, or tried to go, past the supervisor so far.
  [[nodiscard]] std::set<BlindSpotNote> blind_spots() const {
    return blind_spot_notes(engine_->blind_spots(), classifier_.watched);
  }

  /// Ends the second workspace's sessions, where they live on a server of their own.
  void end_second();
  /// Ends every process of the run. Errors: kTimeout, naming who is left.
  base::Status end_group() { return group_->close(std::chrono::seconds(20)); }
  /// Ends every process of the run and puts the workspace, where it lay on a disk of its own, into
  /// the results folder. For the end of all. Errors: kIo: not all of it could be kept.
  base::Status bring_workspace_home();

 private:
  Stage() = default;
  base::Status set_up(const Plan& plan);
  base::Status make_targets(const Plan& plan);
  base::Status start_engine(const Plan& plan);
  base::Status set_up_targets(const Plan& plan);

  // Destructors go backwards. The guardian outlives all that it would remove: this process may be
  // killed in the middle of that, too.
  std::optional<Guardian> guardian_;
  std::optional<RunFolder> folder_;
  std::optional<Disk> disk_;
  std::optional<Group> group_;
  RunPlace place_;
  RunPlace second_place_;
  std::unique_ptr<Target> target_;
  std::unique_ptr<Target> second_target_;
  SessionNaming naming_;
  std::optional<AgentNames> names_;
  std::optional<AgentNames> second_names_;
  std::unique_ptr<SessionProbe> probe_;
  std::unique_ptr<SessionProbe> second_probe_;  ///< only where it has sessions of its own
  std::optional<Control> control_;
  std::optional<ThreadMap> threads_;
  PointClassifier classifier_;
  PolicyByRoot policies_;
  std::string unsupervised_because_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace stress
