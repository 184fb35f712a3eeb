#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/choice/choice.h"
#include "harness/fault/crash_point.h"
#include "harness/supervise/policy.h"

namespace stress {

/// One crash to be injected into one spawn.
struct Hit {
  std::uint64_t number = 0;
  PointClass cls;
  int occurrence = 1;  ///< the how-manieth point of its kind on the path
  Scope scope = Scope::kProcess;
  double fraction = 0;  ///< where a torn write is cut
};

/// Which of the required spawns crash, and where: exactly round(rate x N) of N, drawn from the seed
/// without replacement and stratified over the classes that occur on the path. Only first attempts
/// are hit, so that each spawn gets done in the end. A hit that could not be delivered is drawn
/// again; each spawn is hit once at most.
/// Not thread-safe.
class CrashPlan {
 public:
  /// `only`: names of classes to draw from; empty: all that occur on the path.
  CrashPlan(const Choice& choice, double rate, std::uint64_t spawns, const PathProfile& path,
            const std::vector<std::string>& only = {});

  /// The hit of this attempt, if it has one.
  [[nodiscard]] const Hit* hit(std::uint64_t slot, bool replacement) const;
  /// The first attempt at `slot` has begun.
  void begun(std::uint64_t slot) { begun_.insert(slot); }
  void delivered(std::uint64_t slot);
  /// The attempt was cut off by somebody else's crash before its own hit: another spawn that has
  /// not begun takes it; where none is left, the next attempt at this one.
  void redraw(std::uint64_t slot);

  [[nodiscard]] const std::vector<Hit>& drawn() const { return drawn_; }
  [[nodiscard]] std::uint64_t outstanding() const { return by_slot_.size(); }

 private:
  std::vector<PointClass> classes(const PathProfile& path,
                                  const std::vector<std::string>& only) const;

  Choice choice_;
  std::uint64_t spawns_;
  std::vector<Hit> drawn_;
  std::map<std::uint64_t, Hit> by_slot_;
  std::set<std::uint64_t> begun_;
  std::set<std::uint64_t> on_replacement_;  ///< slots whose hit waits for their next attempt
  std::uint64_t redraws_ = 0;
};

}  // namespace stress
