#include "harness/schedule/meetings.h"

#include <algorithm>

#include "harness/choice/choice.h"

namespace stress {

std::uint64_t meeting_id(std::string_view task, std::string_view key) {
  return Choice(0).of(task).of(key).bits();
}

void Meetings::add(std::string_view task, std::string_view key,
                   const std::vector<Access>& accesses) {
  const Visit visitor{Choice(0).of(task).bits(), meeting_id(task, key), false};
  for (const Access& access : accesses) {
    std::vector<Visit>& visits = visits_[access.object];
    for (const Visit& other : visits) {
      if (other.task == visitor.task || !(other.writes || access.writes)) continue;
      met_.insert(visitor.call);
      met_.insert(other.call);
    }
    const auto same = [&](const Visit& one) {
      return one.call == visitor.call && one.writes == access.writes;
    };
    if (std::ranges::none_of(visits, same)) {
      visits.push_back({visitor.task, visitor.call, access.writes});
    }
  }
}

}  // namespace stress
