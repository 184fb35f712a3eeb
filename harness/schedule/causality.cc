#include "harness/schedule/causality.h"

#include "harness/choice/choice.h"

namespace stress {

std::uint64_t Causality::hash_of(const ScheduleEvent& event) const {
  const auto own = tasks_.find(event.task);
  const Last last = own == tasks_.end() ? Last{} : own->second;
  // A sum, as the conflicts of one event have no order among themselves.
  std::uint64_t before = 0;
  for (const Access& access : event.accesses) {
    const auto found = objects_.find(access.object);
    if (found == objects_.end()) continue;
    const Object& object = found->second;
    if (object.change != 0) before += Choice(object.change).bits();
    if (conflict(access.touch, Touch::kLooks)) before += object.looks;
    if (conflict(access.touch, Touch::kAdds)) before += object.adds;
  }
  return Choice(last.hash).of(event.task).of(event.key).of(last.count).of(before).bits();
}

void Causality::add(const ScheduleEvent& event) {
  const std::uint64_t hash = hash_of(event);
  for (const Access& access : event.accesses) {
    Object& object = objects_[access.object];
    switch (access.touch) {
      case Touch::kChanges:
        object = {hash, 0, 0};
        break;
      case Touch::kLooks:
        object.looks += Choice(hash).bits();
        break;
      case Touch::kAdds:
        object.adds += Choice(hash).bits();
        break;
    }
  }
  auto task = tasks_.find(event.task);
  if (task == tasks_.end()) task = tasks_.emplace(std::string(event.task), Last{}).first;
  task->second = {hash, task->second.count + 1};
  sum_ += hash;
}

void Causality::fork(const std::string& child, std::string_view parent) {
  const auto maker = tasks_.find(parent);
  tasks_[child] = {maker == tasks_.end() ? 0 : maker->second.hash, 0};
}

void Causality::wake(const std::string& sleeper, std::string_view waker) {
  const auto by = tasks_.find(waker);
  if (by == tasks_.end()) return;
  const std::uint64_t hash = by->second.hash;
  Last& last = tasks_[sleeper];
  last.hash = Choice(last.hash).of("woken").of(hash).bits();
}

}  // namespace stress
