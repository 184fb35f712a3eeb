#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// Three steps: who acts has looked at `file` at `look`, another has changed it at `change`, and
/// who looked has acted at `act` without another look.
struct StaleLook {
  std::size_t look = 0;
  std::size_t change = 0;
  std::size_t act = 0;
  std::string file;
  std::optional<std::size_t> read;  ///< where the look is the opening of what was read later
};

/// Who has done what to which file, as far as the steps of a schedule prove it. Steps are named by
/// their index. Holds a reference to them.
class StoryFacts {
 public:
  explicit StoryFacts(const std::vector<ScheduleStep>& steps);

  [[nodiscard]] const std::string& owner(std::size_t step) const { return steps_[step].operation; }
  [[nodiscard]] bool changes(std::size_t step, const std::string& file) const;
  [[nodiscard]] bool makes(std::size_t step, const std::string& file) const;
  /// The file of that name is another from then on, or none.
  [[nodiscard]] bool takes_name(std::size_t step, const std::string& file) const;
  /// Or lets go of one.
  [[nodiscard]] bool locks(std::size_t step) const;
  /// Changes a file, or something outside of all files.
  [[nodiscard]] bool acts(std::size_t step) const;

  /// `act` writes `file` after the actor has read it and another has changed it since.
  [[nodiscard]] std::optional<StaleLook> stale_read(std::size_t act, const std::string& file) const;
  /// `act` follows a look of the actor at the same file, and another has changed it since. Plain
  /// writes count for the registry alone: a log of several is appended to.
  [[nodiscard]] std::optional<StaleLook> stale_look(std::size_t act) const;
  /// `act` follows a look of the actor at the registry, which has led to no change of it, and
  /// another has changed it since.
  [[nodiscard]] std::optional<StaleLook> stale_look_at_registry(std::size_t act) const;

  /// What the registry held by the change and no longer after the act, though the act knew nothing
  /// of it: "a-2 running".
  [[nodiscard]] std::vector<std::string> lost_by(const StaleLook& stale) const;
  /// The act has replaced the whole file, and nothing shows that the change is still there.
  [[nodiscard]] bool replaces(const StaleLook& stale) const;

 private:
  enum class Look { kAny, kRead };
  [[nodiscard]] std::optional<StaleLook> stale_at(std::size_t act, const std::string& file,
                                                  Look look) const;
  [[nodiscard]] bool reads(const ScheduleStep& step) const;
  [[nodiscard]] bool locks_between(const std::string& who, std::size_t from, std::size_t to) const;
  [[nodiscard]] std::string held_at(std::size_t step) const;
  [[nodiscard]] std::set<std::string> held_before(const StaleLook& stale) const;

  const std::vector<ScheduleStep>& steps_;
  bool shows_reads_;
};

}  // namespace report
