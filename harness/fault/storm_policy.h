#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "harness/fault/crash_plan.h"
#include "harness/fault/crash_point.h"
#include "harness/history/evidence.h"
#include "harness/supervise/policy.h"
#include "harness/workload/control.h"

namespace stress {

/// Which worker's threads stand where in the control block, by launch. Thread-safe.
class ThreadMap {
 public:
  explicit ThreadMap(ControlBlock& control) : control_(control) {}
  void bind(std::uint32_t root, std::uint32_t first, std::uint32_t count);
  /// The thread that made this call, or forked the process that did; nullptr: none of a worker's.
  ThreadState* find(const Op& op);
  /// Operations in flight in a launch's process.
  std::vector<const ThreadState*> in_flight(std::uint32_t root);

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t count;
  };
  ControlBlock& control_;
  std::mutex mutex_;
  std::map<std::uint32_t, Range> ranges_;
};

/// Records how often each kind of point occurs on the path of a spawn; changes nothing.
class ProfilePolicy : public Policy {
 public:
  ProfilePolicy(ThreadMap& threads, const PointClassifier& classifier)
      : threads_(threads), classifier_(classifier) {}
  Verdict decide(const Op& op) override;
  void applied(const Op&, const Verdict&, bool) override {}
  void exited(std::uint32_t, int) override {}
  /// Read it only when no launched process lives any more.
  [[nodiscard]] const PathProfile& profile() const { return profile_; }

 private:
  ThreadMap& threads_;
  const PointClassifier& classifier_;
  PathProfile profile_;
};

/// Injects crashes and pauses into the operations in flight, as planned.
class StormPolicy : public Policy {
 public:
  struct Pauses {
    std::set<std::uint64_t> slots;  ///< spawns during which their process is stopped for a while
    int points = 1;                 ///< how many points a spawn has, to choose one from
  };

  StormPolicy(ThreadMap& threads, const PointClassifier& classifier, CrashPlan plan, Pauses pauses,
              const Choice& choice);

  Verdict decide(const Op& op) override;
  void applied(const Op& op, const Verdict& verdict, bool delivered) override;
  void exited(std::uint32_t root, int status) override;

  /// Faults injected so far, by time. Thread-safe.
  [[nodiscard]] std::vector<Fault> faults() const;
  [[nodiscard]] std::uint64_t crashes_injected() const;
  [[nodiscard]] std::vector<Hit> drawn() const;
  [[nodiscard]] std::uint64_t pauses_injected() const;

 private:
  /// The spawn that a thread is at, and how far it has come.
  struct Progress {
    std::uint64_t op = 0;
    std::uint64_t slot = 0;
    bool replacement = false;
    bool doomed = false;  ///< its crash is decided and on its way
    bool paused = false;
    int points = 0;
    std::array<int, kPointKinds> seen{};
    int torn_candidates = 0;
  };

  [[nodiscard]] Victim victim() const {
    return classifier_.commands ? Victim::kCommand : Victim::kLaunched;
  }
  Progress& progress_of(std::uint32_t root, const ThreadState& thread);
  std::optional<Verdict> crash_at(const Op& op, PointKind kind, Progress& progress);
  std::optional<Verdict> pause_at(const Op& op, Progress& progress);

  mutable std::mutex mutex_;
  ThreadMap& threads_;
  const PointClassifier& classifier_;
  CrashPlan plan_;
  Pauses pauses_;
  Choice choice_;
  std::set<std::uint64_t> attempted_;  ///< slots whose first attempt has begun
  std::map<std::pair<std::uint32_t, const ThreadState*>, Progress> progress_;
  /// What was decided about an operation, until it is applied.
  struct Decision {
    PointClass cls;
    Nanoseconds at = 0;
  };
  std::map<std::uint64_t, Decision> decisions_;
  std::vector<Fault> faults_;
};

}  // namespace stress
