#include "harness/history/snapshot_cursor.h"

#include <algorithm>
#include <utility>

namespace stress {

const SnapshotCursor::Agents& SnapshotCursor::apply(const Snapshot& snapshot) {
  if (!snapshot.readable) return agents_;
  for (const std::string& id : snapshot.removed) agents_.erase(id);
  for (const ObservedAgent& agent : snapshot.changed) agents_.insert_or_assign(agent.id, agent);
  return agents_;
}

void SnapshotDelta::fill(Snapshot& snapshot, const std::vector<ObservedAgent>& whole) {
  std::map<std::string, ObservedAgent> now;
  for (const ObservedAgent& agent : whole) {
    const auto [place, fresh] = now.try_emplace(agent.id, agent);
    if (!fresh &&
        std::ranges::find(snapshot.duplicate_ids, agent.id) == snapshot.duplicate_ids.end()) {
      snapshot.duplicate_ids.push_back(agent.id);
    }
  }
  snapshot.changed.clear();
  snapshot.removed.clear();
  for (const auto& [id, agent] : now) {
    const auto before = previous_.find(id);
    if (before == previous_.end() || before->second != agent) snapshot.changed.push_back(agent);
  }
  for (const auto& [id, agent] : previous_) {
    if (!now.contains(id)) snapshot.removed.push_back(id);
  }
  previous_ = std::move(now);
}

}  // namespace stress
