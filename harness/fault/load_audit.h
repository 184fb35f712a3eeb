#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "harness/fault/storm_policy.h"
#include "harness/history/evidence.h"
#include "harness/supervise/policy.h"

namespace stress {

/// Counts, at the system calls, how often a spawn opens the registry file for reading, and whether
/// it holds a lock in the workspace then. Passes every call on to another policy.
/// Needs kReadOpens, kLocking and kMutations in the filter.
class LoadAudit : public Policy {
 public:
  LoadAudit(Policy& inner, ThreadMap& threads, std::filesystem::path registry)
      : inner_(inner), threads_(threads), registry_(std::move(registry)) {}

  Verdict decide(const Op& op) override;
  bool wants_argv(const Op& op) override { return inner_.wants_argv(op); }
  void applied(const Op& op, const Verdict& verdict, bool delivered) override {
    inner_.applied(op, verdict, delivered);
  }
  void exited(std::uint32_t root, int status) override { inner_.exited(root, status); }

  /// One per spawn that read the registry, and one per other process that did (a gate).
  /// Thread-safe.
  [[nodiscard]] std::vector<RegistryLoads> loads() const;

 private:
  Policy& inner_;
  ThreadMap& threads_;
  std::filesystem::path registry_;
  mutable std::mutex mutex_;
  std::map<pid_t, bool> lock_held_;
  std::map<std::uint64_t, RegistryLoads> by_op_;
  std::map<pid_t, RegistryLoads> by_process_;
};

}  // namespace stress
