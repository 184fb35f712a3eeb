#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "harness/schedule/access.h"

namespace stress {

/// What a task asks for, the same in each repetition, as a number.
std::uint64_t meeting_id(std::string_view task, std::string_view key);
/// Likewise that somebody asks after an operation's life (see Candidate::asks_after).
std::uint64_t life_meeting_id(std::string_view operation);

/// Finds out which calls of a run race with those of another task: they conflict, and nothing else
/// that has happened puts one before the other, so that in another schedule they could come the
/// other way round. What never races might as well be made earlier or later, so nobody needs to be
/// stopped before it: not before calls on what no other task touches, nor before those that a lock
/// protects, but for the lock's own.
///
/// Which event comes before which is told by vector clocks, over the same order as Causality's.
/// Sources: C. Flanagan, P. Godefroid: "Dynamic partial-order reduction for model checking
/// software" (POPL 2005), whose backtracking points are set where calls race; F. Mattern: "Virtual
/// time and global states of distributed systems" (1989).
class Meetings {
 public:
  /// A call that a task stands before: whether it races with calls that were made.
  void stands_before(std::string_view task, std::string_view key,
                     const std::vector<Access>& accesses);
  /// One that is made now.
  void made(std::string_view task, std::string_view key, const std::vector<Access>& accesses);
  /// See Causality.
  void fork(std::string_view child, std::string_view parent);
  void wake(std::string_view sleeper, std::string_view waker);
  /// One that meets others unseen.
  void mark(std::uint64_t call) { met_.insert(call); }
  /// meeting_id()s of the calls that have raced with another task's so far.
  [[nodiscard]] const std::unordered_set<std::uint64_t>& met() const { return met_; }

 private:
  /// Of each task, how many of its events have come before.
  using Clock = std::vector<std::uint32_t>;
  struct Visit {
    std::size_t task = 0;
    std::uint64_t call = 0;
    Touch touch = Touch::kLooks;
    std::uint32_t number = 0;  ///< of the last such event in its task, from 1
  };
  struct Object {
    std::vector<Visit> visits;     ///< each sort once
    std::map<Touch, Clock> times;  ///< of all events of a sort
  };
  std::size_t index_of(std::string_view task);
  static void join(Clock& clock, const Clock& other);

  std::map<std::string, std::size_t, std::less<>> indices_;
  std::vector<Clock> clocks_;  ///< by task
  std::unordered_map<std::uint64_t, Object> objects_;
  std::unordered_set<std::uint64_t> met_;
};

}  // namespace stress
