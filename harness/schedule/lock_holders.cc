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

std::vector<std::uint64_t> LockHolders::ended(
    const std::function<bool(const std::string& task)>& whose,
    const std::function<std::string(const LockKey& file)>& heir_to) {
  std::vector<std::uint64_t> steps;
  for (auto entry = holders_.begin(); entry != holders_.end();) {
    Holder& holder = entry->second;
    if (whose(holder.task)) holder.task = heir_to(holder.file);
    if (!holder.task.empty()) {
      ++entry;
      continue;
    }
    steps.insert(steps.end(), holder.steps.begin(), holder.steps.end());
    entry = holders_.erase(entry);
  }
  return steps;
}

std::vector<std::pair<std::uint64_t, LockKey>> LockHolders::held_by(std::string_view task) const {
  std::vector<std::pair<std::uint64_t, LockKey>> locks;
  for (const auto& [lock, holder] : holders_) {
    if (holder.task == task) locks.emplace_back(lock, holder.file);
  }
  return locks;
}

std::string LockHolders::holder_of(std::uint64_t lock) const {
  const auto found = holders_.find(lock);
  return found == holders_.end() ? std::string() : found->second.task;
}

}  // namespace stress
