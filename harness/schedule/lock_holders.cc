#include "harness/schedule/lock_holders.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/supervise/lock_table.h"

namespace stress {

using State = ScheduledTask::State;

void LockHolders::asks(const std::string& operation, const LockKey& file) {
  watched_.insert(operation);
  inodes_.insert(file.ino);
  numbers_.emplace(file, numbers_.size() + 1);
}

std::uint64_t LockHolders::number_of(const LockKey& file) const {
  const auto found = numbers_.find(file);
  return found == numbers_.end() ? 0 : found->second;
}

std::vector<LockHolders::Loss> LockHolders::look(const TaskTable& tasks) {
  std::vector<Loss> losses;
  if (watched_.empty()) return losses;
  Sight now{lines_about(inodes_), tasks.all().size(), tasks.deaths()};
  if (now == seen_) return losses;
  seen_ = std::move(now);
  std::map<std::string, Held, std::less<>> held;
  std::set<std::string> in_kernel;  // somebody waits there, and is given it unseen
  for (const auto& [label, task] : tasks.all()) {
    if (task->state == State::kDead || !watched_.contains(task->operation)) continue;
    if (task->waits && task->state == State::kRunning) in_kernel.insert(task->operation);
    if (task->tid != task->pid) continue;
    std::set<LockKey> files = files_locked_by(task->pid, inodes_);
    Loss loss{label, {}};
    std::ranges::set_difference(held_by(label), files, std::back_inserter(loss.files));
    if (!loss.files.empty()) losses.push_back(std::move(loss));
    if (!files.empty()) held.emplace(label, Held{task->operation, std::move(files)});
  }
  held_ = std::move(held);
  watched_ = std::move(in_kernel);
  for (const auto& [label, has] : held_) watched_.insert(has.operation);
  return losses;
}

std::set<LockKey> LockHolders::held_by(std::string_view task) const {
  const auto found = held_.find(task);
  return found == held_.end() ? std::set<LockKey>() : found->second.files;
}

std::set<LockKey> LockHolders::held_within(std::string_view operation) const {
  std::set<LockKey> files;
  for (const auto& [label, held] : held_) {
    if (held.operation == operation) files.insert(held.files.begin(), held.files.end());
  }
  return files;
}

bool LockHolders::shares(std::string_view task, const std::set<LockKey>& files) const {
  return std::ranges::any_of(held_, [&](const auto& entry) {
    return entry.first != task && std::ranges::any_of(files, [&](const LockKey& file) {
             return entry.second.files.contains(file);
           });
  });
}

}  // namespace stress
