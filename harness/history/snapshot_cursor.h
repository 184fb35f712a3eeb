#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/history/evidence.h"

namespace stress {

/// Puts whole registry contents together from deltas. Apply snapshots in the order of the evidence;
/// unreadable ones change nothing.
class SnapshotCursor {
 public:
  using Agents = std::map<std::string, ObservedAgent>;
  const Agents& apply(const Snapshot& snapshot);
  [[nodiscard]] const Agents& agents() const { return agents_; }

 private:
  Agents agents_;
};

/// The writer's side: fills `changed` and `removed` against what was given before. An id that
/// stands twice in `whole` is added to `duplicate_ids`; its first record counts. Call it for
/// readable snapshots only.
class SnapshotDelta {
 public:
  void fill(Snapshot& snapshot, const std::vector<ObservedAgent>& whole);

 private:
  std::map<std::string, ObservedAgent> previous_;
};

}  // namespace stress
