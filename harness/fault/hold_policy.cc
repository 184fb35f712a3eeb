#include "harness/fault/hold_policy.h"

#include <chrono>
#include <variant>

namespace stress {

bool HoldPolicy::is_middle(const Op& op) {
  if (middle_ == Middle::kSessionHost) {
    // The exec by which a command itself comes to be is its beginning.
    const bool itself = victim_ == Victim::kCommand && op.in_command;
    return op.sys == Sys::kConnect || (op.sys == Sys::kExec && !itself);
  }
  const bool reached = unlocked_;
  renamed_ = renamed_ || op.sys == Sys::kRename;
  unlocked_ = unlocked_ || (renamed_ && op.sys == Sys::kUnlock);
  return reached;
}

Verdict HoldPolicy::decide(const Op& op) {
  if (!calls_.see(op) || !is_middle(op) || decided_) return Proceed{};
  decided_ = true;
  return Pause{std::chrono::hours(1), victim_};
}

void HoldPolicy::applied(const Op&, const Verdict& verdict, bool delivered) {
  if (std::holds_alternative<Pause>(verdict) && delivered) holding_ = true;
}

}  // namespace stress
