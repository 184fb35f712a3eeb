#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "harness/history/evidence.h"
#include "harness/schedule/step.h"
#include "harness/target/observation.h"

namespace stress {

/// Finds in which order the spawns of a schedule took effect, from looks at the registry while
/// nothing moves.
///
/// When a list shows an agent for the first time is its target's affair: once there is a record, or
/// once that is complete, or once it stands in some index. So a spawn has a stretch of steps: it
/// begins with its own first act that others can see, or right behind the last look that did not
/// show the record; it ends with its own last act before it was answered, or with the look since
/// which the record stands as it stood then. Within its stretch it took effect. Of two stretches
/// without a common step the order is certain, whoever wrote and however late it was looked;
/// others have no place, as either may have been first.
///
/// Only spawns are placed. Where a list was made nobody can see (it may read the registry twice,
/// and tell of either), and needs no place; what kills and updates did no operation answers with.
/// Thread-safety: none.
class CommitWatch {
 public:
  /// A step is over. To be told before what was seen after it.
  void stepped(const Step& step);
  /// A look at the registry. One at an unreadable one says nothing; an absent one is empty.
  void saw(const Observation& registry);
  /// A spawn, the schedule's operation of this label, was answered with this agent in the step that
  /// is told next. Its acts after that, and what its record is changed to after the next look, are
  /// no longer its doing.
  void answered(const std::string& operation, const std::string& agent);
  /// Likewise one that was over before the schedule. To be told before the first look.
  void prepared(const std::string& agent) { answered_.try_emplace(agent); }
  /// Numbers the spawns whose places are certain, each acknowledged agent's first: prepared ones
  /// that the first look showed, in the order in which they were made, one after another; then
  /// those whose stretches meet no other's.
  void number(Evidence& evidence) const;

 private:
  using Time = std::uint64_t;  ///< steps so far; 0: it was there before
  struct Stretch {
    Time begin = 0;
    Time end = 0;
    void cover(const Stretch& other);
  };
  struct Record {
    Stretch stretch;
    std::optional<ObservedAgent> now;  ///< none: gone again
    bool closed = false;
  };

  Time now_ = 0;
  std::optional<Time> looked_;                   ///< the last time that said something
  std::map<std::string, Record> records_;        ///< by agent
  std::map<std::string, Stretch> acts_;          ///< by operation
  std::map<std::string, Time> over_;             ///< by operation: its last step
  std::map<std::string, std::string> answered_;  ///< by agent: whose answer it was first
};

}  // namespace stress
