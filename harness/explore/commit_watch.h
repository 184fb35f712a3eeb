#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "harness/history/evidence.h"
#include "harness/target/observation.h"

namespace stress {

/// Finds in which order spawns took effect, from reads of the registry made one after another while
/// nothing moves.
///
/// When a list shows an agent for the first time is its target's affair: once there is a record, or
/// only once that is complete. So a spawn has a stretch of reads, from the one in which its record
/// came to the one since which that stands as it stood when the spawn was answered, and took effect
/// before the stretch's end and not before the read ahead of it. Of two stretches without a common
/// read the order is certain, whoever wrote and however late it was looked. Spawns of others
/// stretches have no place: they may have taken effect in either order.
///
/// Only spawns are placed. Where a list was made nobody can see (it may read the registry twice,
/// and tell of either), and needs no place; what kills and updates did no operation answers with.
/// Thread-safety: none.
class CommitWatch {
 public:
  /// The next read. One of an unreadable registry says nothing; one that is absent is empty.
  void saw(const Observation& registry);
  /// A spawn was answered with this agent. What its record becomes after the next read is no longer
  /// the spawn's doing. Prepared agents: before the first read.
  void answered(const std::string& agent);
  /// Numbers the spawns whose places are certain, each acknowledged agent's first: prepared ones
  /// that the first read showed, in the order in which they were made, one after another; then
  /// those whose stretches meet no other's.
  void number(Evidence& evidence) const;

 private:
  using Read = std::uint64_t;
  struct Stretch {
    Read first = 0;
    Read last = 0;                        ///< when the record changed last
    std::optional<ObservedAgent> record;  ///< none: gone again
    bool closed = false;
  };

  Read reads_ = 0;
  std::map<std::string, Stretch> stretches_;  ///< by agent
  std::set<std::string> answered_;
};

}  // namespace stress
