#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/explore/plan.h"
#include "orchestrator/base/subprocess.h"

namespace stress {

/// Several explorers (see explorer.h), each a process of its own, and what they are given to do.
/// Not thread-safe.
class Team {
 public:
  /// Starts `jobs` explorers of the scene, in folders below scene.folder, and waits until their
  /// grounds are ready. `interrupted`: once set, nothing more is waited for.
  /// Errors: why a ground cannot be made; kTimeout.
  static base::Result<std::unique_ptr<Team>> start(const Scene& scene, int jobs,
                                                   const std::atomic<bool>& interrupted);
  /// They end with their input; who does not is killed (its guardian cleans up).
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// nullopt: there is nothing to do now, though a result may change that.
  using Next = std::function<std::optional<SchedulePlan>()>;
  /// Told each result. False: nobody is given anything more.
  using Done = std::function<bool(const SchedulePlan&, ScheduleResult)>;
  /// Keeps all of them busy until there is nothing to do and nothing under way.
  /// Errors: an explorer cannot go on, or says nothing for too long; kTimeout: interrupted.
  base::Status run(const Next& next, const Done& done);
  /// All of them, in their order; those behind the first of which `enough` is true may be missing.
  base::Result<std::vector<std::optional<ScheduleResult>>> run_all(
      const std::vector<SchedulePlan>& plans,
      const std::function<bool(const ScheduleResult&)>& enough);

  [[nodiscard]] int jobs() const { return static_cast<int>(explorers_.size()); }

 private:
  struct Explorer {
    base::PipedProcess process;
    std::filesystem::path log;
    std::string heard;                 ///< without a whole line yet
    std::optional<SchedulePlan> plan;  ///< under way
    std::chrono::steady_clock::time_point since;
  };
  explicit Team(const std::atomic<bool>& interrupted) : interrupted_(interrupted) {}
  static base::Status give(Explorer& explorer, SchedulePlan plan);
  base::Result<std::vector<std::pair<Explorer*, std::string>>> hear();
  static base::Status listen(Explorer& explorer);

  const std::atomic<bool>& interrupted_;
  std::vector<std::unique_ptr<Explorer>> explorers_;
};

}  // namespace stress
