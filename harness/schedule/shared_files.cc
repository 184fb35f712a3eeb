#include "harness/schedule/shared_files.h"

#include <algorithm>
#include <utility>

namespace stress {

std::vector<std::string> SharedFiles::look(const TaskTable& tasks, DescriptorTable& descriptors) {
  std::map<std::string_view, std::vector<const ScheduledTask*>> processes;  // by operation
  for (const auto& [label, task] : tasks.all()) {
    const bool lives = task->state != ScheduledTask::State::kDead && !task->first;
    if (lives && task->tid == task->pid) processes[task->operation].push_back(task.get());
  }
  std::map<std::string, std::set<std::string>, std::less<>> shared;
  std::vector<std::string> closers;
  for (const auto& [operation, members] : processes) {
    if (members.size() == 1 && !has_any(members.front()->label)) continue;
    std::map<std::string, std::vector<const ScheduledTask*>> holders;  // by file
    for (const ScheduledTask* member : members) {
      const std::set<std::string>& files = descriptors.of(*member).files;
      for (const std::string& file : files) holders[file].push_back(member);
      const auto before = shared_.find(member->label);
      if (before != shared_.end() && !std::ranges::includes(files, before->second)) {
        closers.push_back(member->label);
      }
    }
    for (const auto& [file, sharers] : holders) {
      if (sharers.size() == 1) continue;
      for (const ScheduledTask* sharer : sharers) shared[sharer->label].insert(file);
    }
  }
  shared_ = std::move(shared);
  return closers;
}

}  // namespace stress
