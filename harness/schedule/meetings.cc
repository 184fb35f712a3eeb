#include "harness/schedule/meetings.h"

#include <algorithm>

#include "harness/choice/choice.h"

namespace stress {

std::uint64_t meeting_id(std::string_view task, std::string_view key) {
  return Choice(0).of(task).of(key).bits();
}

std::uint64_t life_meeting_id(std::string_view operation) { return Choice(1).of(operation).bits(); }

std::size_t Meetings::index_of(std::string_view task) {
  const auto found = indices_.find(task);
  if (found != indices_.end()) return found->second;
  indices_.emplace(task, clocks_.size());
  clocks_.emplace_back();
  return clocks_.size() - 1;
}

void Meetings::join(Clock& clock, const Clock& other) {
  if (clock.size() < other.size()) clock.resize(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

void Meetings::stands_before(std::string_view task, std::string_view key,
                             const std::vector<Access>& accesses) {
  const std::size_t self = index_of(task);
  const Clock& clock = clocks_[self];
  for (const Access& access : accesses) {
    const auto object = objects_.find(access.object);
    if (object == objects_.end()) continue;
    for (const Visit& other : object->second.visits) {
      const bool ordered = other.task < clock.size() && clock[other.task] >= other.number;
      if (other.task == self || ordered || !conflict(other.touch, access.touch)) continue;
      met_.insert(meeting_id(task, key));
      met_.insert(other.call);
    }
  }
}

void Meetings::made(std::string_view task, std::string_view key,
                    const std::vector<Access>& accesses) {
  stands_before(task, key, accesses);
  const std::size_t self = index_of(task);
  Clock& clock = clocks_[self];
  for (const Access& access : accesses) {
    for (const auto& [touch, time] : objects_[access.object].times) {
      if (conflict(touch, access.touch)) join(clock, time);
    }
  }
  if (clock.size() <= self) clock.resize(self + 1);
  const std::uint32_t number = ++clock[self];
  for (const Access& access : accesses) {
    Object& object = objects_[access.object];
    join(object.times[access.touch], clock);
    const Visit visit{self, meeting_id(task, key), access.touch, number};
    const auto same = std::ranges::find_if(object.visits, [&](const Visit& one) {
      return one.call == visit.call && one.touch == visit.touch;
    });
    if (same == object.visits.end()) {
      object.visits.push_back(visit);
    } else {
      same->number = number;
    }
  }
}

void Meetings::fork(std::string_view child, std::string_view parent) {
  const std::size_t maker = index_of(parent);
  const std::size_t made = index_of(child);
  join(clocks_[made], clocks_[maker]);
}

void Meetings::wake(std::string_view sleeper, std::string_view waker) { fork(sleeper, waker); }

}  // namespace stress
