#pragma once

#include <atomic>

#include "harness/fault/operation_calls.h"
#include "harness/supervise/policy.h"

namespace stress {

/// Where an operation has its middle: it has recorded what it is about to do, holds no lock of the
/// registry, and has not recorded that it is done.
enum class Middle {
  kSessionHost,  ///< at the first program that it starts, or the first socket
  kFirstCommit,  ///< at the first call after it has renamed a file and then unlocked one
};

/// Stops a process in the middle of its operation, until Engine::end_pauses().
/// All but holding() is for the engine's thread.
class HoldPolicy : public Policy {
 public:
  HoldPolicy(ThreadMap& threads, const PointClassifier& classifier, Victim victim, Middle middle)
      : victim_(victim), middle_(middle), calls_(threads, classifier, victim) {}

  Verdict decide(const Op& op) override;
  void applied(const Op& op, const Verdict& verdict, bool delivered) override;
  void exited(std::uint32_t, int) override {}

  /// It stands. Thread-safe.
  [[nodiscard]] bool holding() const { return holding_; }

 private:
  bool is_middle(const Op& op);

  Victim victim_;
  Middle middle_;
  OperationCalls calls_;
  bool renamed_ = false;
  bool unlocked_ = false;  ///< since then
  bool decided_ = false;
  std::atomic<bool> holding_{false};
};

}  // namespace stress
