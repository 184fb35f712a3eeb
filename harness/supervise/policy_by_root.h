#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "harness/supervise/policy.h"

namespace stress {

/// Gives each launch a policy of its own, so that one engine serves a run's different parts: what
/// one part started (detached agents, servers) is still answered during the next.
/// bind() is thread-safe; policies must outlive the engine.
class PolicyByRoot : public Policy {
 public:
  using OnExit = std::function<void(int status)>;

  /// `on_exit` is called in the engine's thread, after the policy's own exited().
  void bind(std::uint32_t root, Policy& policy, OnExit on_exit) {
    const std::lock_guard lock(mutex_);
    bound_.try_emplace(root, Bound{&policy, std::move(on_exit)});
  }

  Verdict decide(const Op& op) override {
    const Bound* bound = find(op.root);
    return bound == nullptr ? Verdict(Proceed{}) : bound->policy->decide(op);
  }
  bool wants_argv(const Op& op) override {
    const Bound* bound = find(op.root);
    return bound != nullptr && bound->policy->wants_argv(op);
  }
  void applied(const Op& op, const Verdict& verdict, bool delivered) override {
    if (const Bound* bound = find(op.root)) bound->policy->applied(op, verdict, delivered);
  }
  void exited(std::uint32_t root, int status) override {
    const Bound* bound = find(root);
    if (bound == nullptr) return;
    bound->policy->exited(root, status);
    bound->on_exit(status);
  }

 private:
  struct Bound {
    Policy* policy;
    OnExit on_exit;
  };
  /// Entries are never removed, so the pointer stays good.
  const Bound* find(std::uint32_t root) {
    const std::lock_guard lock(mutex_);
    const auto found = bound_.find(root);
    return found == bound_.end() ? nullptr : &found->second;
  }

  std::mutex mutex_;
  std::map<std::uint32_t, Bound> bound_;
};

/// Watches nothing and changes nothing.
class ProceedAlways : public Policy {
 public:
  Verdict decide(const Op&) override { return Proceed{}; }
  void applied(const Op&, const Verdict&, bool) override {}
  void exited(std::uint32_t, int) override {}
};

}  // namespace stress
