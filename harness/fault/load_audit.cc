#include "harness/fault/load_audit.h"

#include <fcntl.h>

namespace stress {

Verdict LoadAudit::decide(const Op& op) {
  {
    const std::lock_guard lock(mutex_);
    const bool beside_registry =
        std::filesystem::path(op.path).parent_path() == registry_.parent_path();
    // A thread that goes on after it asked for a lock has got it (or has given up on its work).
    if (op.sys == Sys::kLock && beside_registry) lock_held_[op.tid] = true;
    if (op.sys == Sys::kUnlock && beside_registry) lock_held_[op.tid] = false;
    if (op.sys == Sys::kOpen && (op.flags & O_ACCMODE) == O_RDONLY && op.path == registry_) {
      const ThreadState* thread = op.in_root ? threads_.find(op) : nullptr;
      const bool of_spawn = thread != nullptr && thread->spawn_slot != 0;
      if (of_spawn || !op.in_root) {
        RegistryLoads& loads = of_spawn ? by_op_[thread->op] : by_process_[op.pid];
        if (of_spawn) loads.op = thread->op;
        ++(lock_held_[op.tid] ? loads.locked : loads.unlocked);
      }
    }
  }
  return inner_.decide(op);
}

std::vector<RegistryLoads> LoadAudit::loads() const {
  const std::lock_guard lock(mutex_);
  std::vector<RegistryLoads> result;
  result.reserve(by_op_.size() + by_process_.size());
  for (const auto& [op, loads] : by_op_) result.push_back(loads);
  for (const auto& [pid, loads] : by_process_) result.push_back(loads);
  return result;
}

}  // namespace stress
