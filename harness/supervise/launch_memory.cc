#include "harness/supervise/launch_memory.h"

#include <algorithm>
#include <mutex>

namespace stress {
namespace {

std::mutex mutex;

/// Its child's part is cleared by the kernel.
bool is_free(const LaunchMemory& memory) {
  return !memory.held && __atomic_load_n(&memory.plan.in_use, __ATOMIC_ACQUIRE) == 0;
}

}  // namespace

HeldLaunchMemory hold_launch_memory() {
  // Never destroyed: at the end of this process children may still be on their way.
  static auto& all = *new std::vector<std::unique_ptr<LaunchMemory>>;
  const std::lock_guard lock(mutex);
  auto found = std::ranges::find_if(all, [](const auto& memory) { return is_free(*memory); });
  if (found == all.end()) found = all.insert(all.end(), std::make_unique<LaunchMemory>());
  (*found)->plan = {};
  (*found)->held = true;
  return HeldLaunchMemory(found->get());
}

void LetGo::operator()(LaunchMemory* memory) const {
  const std::lock_guard lock(mutex);
  memory->held = false;
}

}  // namespace stress
