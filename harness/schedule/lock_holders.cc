#include "harness/schedule/lock_holders.h"

#include <utility>

namespace stress {

void LockHolders::stepped(std::string_view task, std::uint64_t call) {
  for (auto& [lock, holder] : holders_) {
    if (holder.task == task) holder.steps.push_back(call);
  }
}

std::vector<std::uint64_t> LockHolders::found_free(std::uint64_t lock) {
  auto found = holders_.extract(lock);
  return found.empty() ? std::vector<std::uint64_t>() : std::move(found.mapped().steps);
}

std::vector<std::uint64_t> LockHolders::forget(
    const std::function<bool(const std::string& task)>& whose) {
  std::vector<std::uint64_t> steps;
  std::erase_if(holders_, [&](const auto& entry) {
    const Holder& holder = entry.second;
    if (!whose(holder.task)) return false;
    steps.insert(steps.end(), holder.steps.begin(), holder.steps.end());
    return true;
  });
  return steps;
}

std::string LockHolders::holder_of(std::uint64_t lock) const {
  const auto found = holders_.find(lock);
  return found == holders_.end() ? std::string() : found->second.task;
}

}  // namespace stress
