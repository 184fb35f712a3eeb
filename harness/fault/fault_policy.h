#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/choice/choice.h"
#include "harness/fault/crash_point.h"
#include "harness/fault/fault_spec.h"
#include "harness/fault/storm_policy.h"
#include "harness/history/evidence.h"
#include "harness/supervise/policy.h"

namespace stress {

/// What became of one line of a fault plan.
struct PlannedFault {
  std::string spec;
  std::uint64_t matched = 0;  ///< calls that it names, hit or not
  std::uint64_t missed = 0;   ///< hits that came to nothing, as their process was gone by then
};

/// Carries out a fault plan: answers for the calls that a spec falls upon, and passes all others on
/// to another policy. It hits what the workload's operations do in a worker or its commands: never
/// the harness's own records, nor what has left for a session of its own (gates, agents). Where
/// several specs fall upon one call, the first of the plan does.
///
/// A rate is drawn by the seed, the spec and the count, so the n-th matching call is hit or not
/// whoever makes it.
class FaultPolicy : public Policy {
 public:
  FaultPolicy(Policy& inner, ThreadMap& threads, const PointClassifier& classifier,
              const std::vector<FaultSpec>& plan, const Choice& choice);

  Verdict decide(const Op& op) override;
  /// Only where a spec of the plan names arguments.
  bool wants_argv(const Op& op) override;
  void applied(const Op& op, const Verdict& verdict, bool delivered) override;
  void exited(std::uint32_t root, int status) override { inner_.exited(root, status); }

  /// What has been injected so far, of kind "fault". Thread-safe.
  [[nodiscard]] std::vector<Fault> faults() const;
  [[nodiscard]] std::uint64_t injected() const;  ///< Their number. Thread-safe.
  /// The lines in the order of the plan. Thread-safe.
  [[nodiscard]] std::vector<PlannedFault> planned() const;

 private:
  struct Line {
    FaultSpec spec;
    std::string text;
    Choice choice;
    std::uint64_t matched = 0;
    std::uint64_t missed = 0;
  };

  [[nodiscard]] Victim victim() const {
    return classifier_.commands ? Victim::kCommand : Victim::kLaunched;
  }
  [[nodiscard]] bool is_workload(const Op& op, const ThreadState& thread) const;
  [[nodiscard]] bool is_on_target(const Op& op) const;
  [[nodiscard]] bool matches(const FaultSpec& spec, const Op& op, bool begins_spawn) const;
  [[nodiscard]] Verdict verdict(const Line& line, const Op& op) const;
  Fault describe_fault(const Line& line, const Op& op, const ThreadState& thread);

  Policy& inner_;
  ThreadMap& threads_;
  const PointClassifier& classifier_;
  mutable std::mutex mutex_;  ///< guards all below
  std::vector<Line> lines_;
  std::set<std::uint64_t> begun_;  ///< spawns whose first call has been seen
  /// Decided and not yet applied, by launch and task: a task waits in one call at a time.
  std::map<std::pair<std::uint32_t, pid_t>, Fault> pending_;
  std::vector<Fault> faults_;
};

}  // namespace stress
