#pragma once

#include <mutex>
#include <optional>

#include "harness/fault/operation_calls.h"
#include "harness/fault/point_plan.h"
#include "harness/history/evidence.h"
#include "harness/supervise/policy.h"

namespace stress {

/// Records the calls of one operation; changes nothing.
class TracePolicy : public Policy {
 public:
  TracePolicy(ThreadMap& threads, const PointClassifier& classifier, Victim victim)
      : victim_(victim), calls_(threads, classifier, victim) {}
  Verdict decide(const Op& op) override;
  void applied(const Op&, const Verdict&, bool) override {}
  void exited(std::uint32_t, int) override {}
  /// Thread-safe.
  [[nodiscard]] CallTrace trace() const;

 private:
  Victim victim_;
  OperationCalls calls_;
  mutable std::mutex mutex_;
  CallTrace trace_;
};

/// Delivers one point of an operation, if it comes up.
class PointPolicy : public Policy {
 public:
  PointPolicy(ThreadMap& threads, const PointClassifier& classifier, Victim victim,
              CrashPoint point)
      : threads_(threads),
        victim_(victim),
        calls_(threads, classifier, victim),
        point_(std::move(point)) {}
  Verdict decide(const Op& op) override;
  void applied(const Op& op, const Verdict& verdict, bool delivered) override;
  void exited(std::uint32_t, int) override {}

  /// The blow as it fell; nullopt: the call did not come, or its victim was gone. Thread-safe.
  [[nodiscard]] std::optional<Fault> delivered() const;

 private:
  std::optional<Verdict> strike(const Op& op);
  [[nodiscard]] Fault describe_blow(const Op& op) const;

  ThreadMap& threads_;
  Victim victim_;
  OperationCalls calls_;
  CrashPoint point_;
  bool struck_ = false;
  Sys struck_kind_ = Sys::kOther;
  pid_t cut_task_ = 0;  ///< whose write was cut short, until it is killed
  mutable std::mutex mutex_;
  std::optional<Fault> blow_;  ///< as decided
  bool delivered_ = false;
};

}  // namespace stress
