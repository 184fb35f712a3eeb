#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/schedule/access.h"

namespace stress {

/// One event of a schedule, in terms of what is the same in each repetition.
struct ScheduleEvent {
  std::string_view task;
  std::string_view key;  ///< what is done to what
  const std::vector<Access>& accesses;
};

/// The partial order of the events so far as one number: two schedules of the same programs that
/// order all conflicting events alike have the same number, in whatever order they made the others,
/// and have led to the same state.
///
/// Each event is hashed with its number in its task and with the hashes of the events right before
/// it, of its own task and of those that it conflicts with; the number is the sum over all events.
/// What goes from one task to another in ways that are no event is known where it wakes somebody
/// (see wake()), and within a process. It is not known of a pipe with several writers whose reader
/// did not sleep, and of the place in a file that processes share by one descriptor: there states
/// that differ may count as one.
///
/// Source: M. Musuvathi, S. Qadeer: "Partial-order reduction for context-bounded state exploration"
/// (MSR-TR-2007-12), happens-before caching. Unlike sleep sets it remains sound under a bound on
/// preemptions, as a state is dropped only if it was reached before with as few of them.
class Causality {
 public:
  [[nodiscard]] std::uint64_t value() const { return sum_; }
  /// What value() would be after this event.
  [[nodiscard]] std::uint64_t after(const ScheduleEvent& event) const {
    return sum_ + hash_of(event);
  }
  void add(const ScheduleEvent& event);
  /// A new task: its events come after all that its maker has done so far.
  void fork(const std::string& child, std::string_view parent);
  /// A task that slept was woken, by ways that are not seen (a pipe, a child's end): its events
  /// come after all that the other has done so far.
  void wake(const std::string& sleeper, std::string_view waker);

 private:
  struct Last {
    std::uint64_t hash = 0;
    std::uint64_t count = 0;
  };
  struct Object {
    std::uint64_t change = 0;
    std::uint64_t looks = 0;  ///< sum over those since the change
    std::uint64_t adds = 0;   ///< likewise
  };
  [[nodiscard]] std::uint64_t hash_of(const ScheduleEvent& event) const;

  std::uint64_t sum_ = 0;
  std::map<std::string, Last, std::less<>> tasks_;
  std::unordered_map<std::uint64_t, Object> objects_;
};

}  // namespace stress
