#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/campaign/stage.h"
#include "harness/explore/plan.h"
#include "harness/history/evidence.h"
#include "harness/schedule/arena.h"

namespace stress {

/// The start from which all schedules of an explorer begin: the target, set up, with its prepared
/// agents and their sessions; and the way back to it.
///
/// The workspace is put back file by file from a copy. Sessions cannot be copied: those that a
/// schedule has made are ended, and where a prepared one is gone all is set up anew. The tmux
/// server stands in the arena, so that what it runs in its panes is scheduled like everything else.
class Ground {
 public:
  /// Errors: it cannot be set up (target, folder, tmux, no supervision).
  /// `filter`: of kScheduleSet; it must outlive this.
  static base::Result<std::unique_ptr<Ground>> make(const Scene& scene, const BpfProgram& filter);

  /// To the start. Errors: kIo; those of a set-up.
  base::Status reset();

  [[nodiscard]] Stage& stage() { return *stage_; }
  /// All calls in it are let through when reset() returns.
  [[nodiscard]] Arena& arena() { return *arena_; }
  /// The prepared agents, by id, and how they came to be.
  [[nodiscard]] const std::vector<Operation>& prepared() const { return prepared_; }

 private:
  Ground(Scene scene, const BpfProgram& filter) : scene_(std::move(scene)), filter_(filter) {}
  base::Status set_up();
  base::Status start_server();
  base::Status prepare();
  base::Status remember();
  base::Status put_back();
  [[nodiscard]] bool sessions_are_as_prepared();

  Scene scene_;
  const BpfProgram& filter_;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<Arena> arena_;  ///< in the stage's group
  std::vector<Operation> prepared_;
  std::vector<ObservedSession> sessions_;  ///< of the prepared agents
  std::filesystem::path copy_;
  std::uintmax_t agent_log_bytes_ = 0;
};

}  // namespace stress
