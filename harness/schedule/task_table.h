#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/schedule/access.h"
#include "harness/schedule/call_words.h"
#include "harness/supervise/stopped.h"

namespace stress {

/// One thread of a supervised program, as the scheduler knows it.
struct ScheduledTask {
  enum class State {
    kRunning,  ///< on its way to its next call, or asleep in one that is not watched
    kParked,   ///< stopped at a relevant call, until it is chosen
    kDead,
  };
  std::string label;      ///< "A", its first child "A.1", its second thread "A/2"
  std::string operation;  ///< of the launched program that it descends from: "A"
  std::size_t root = 0;   ///< which launch
  pid_t tid = 0;
  pid_t pid = 0;
  std::uint64_t born = 0;  ///< when, as /proc tells it: numbers are used again
  State state = State::kRunning;
  std::string program;  ///< the name of what it executes

  // Parked.
  Stopped stopped;
  CallWords call;
  std::vector<Access> accesses;  ///< of the call, as things are now
  std::vector<Access> touches;   ///< those of them that come of its arguments, as they were then:
  std::optional<std::uint64_t> touches_at;  ///< Arena::names_changed(); nothing: not known yet
  bool first = false;  ///< it has not begun yet: this is the exec of a launched program
  bool waits = false;  ///< for a lock that somebody holds

  // Running: what two looks at it must agree on before it counts as asleep.
  std::string look;
  bool forked = false;    ///< since its children were last looked for
  bool in_fork = false;   ///< its last call was one
  bool has_made = false;  ///< whom that call was to make is known
  bool exiting = false;
  bool mourned = false;  ///< its maker has napped in vain for its end: see outlasts_a_child()
  std::int64_t naps_until = 0;  ///< CLOCK_MONOTONIC nanoseconds: until then it sleeps by the clock

  std::uint64_t random_reads = 0;
  int children = 0;      ///< that it has called for so far
  int threads = 1;       ///< likewise, and the main one
  std::string last_key;  ///< of its last step
};

/// Everybody who takes part, by label. Labels come from who made whom, by which of its calls: not
/// from numbers of processes, nor from who was heard of first, or at all.
///
/// Not thread-safe. References stay valid until their task is forgotten.
class TaskTable {
 public:
  /// To be told each new task and its maker (empty for a launched one).
  void on_new(std::function<void(const ScheduledTask&, std::string_view)> told) {
    on_new_ = std::move(told);
  }

  /// The main thread of a launched program.
  ScheduledTask& add_root(const std::string& label, std::size_t root, pid_t pid);
  /// Who made a call. Looks for new tasks where it is not known; nullptr: it is gone.
  ScheduledTask* find(pid_t tid);
  [[nodiscard]] ScheduledTask* by_label(std::string_view label);
  /// The main thread of a process; of a dead one too, until it is forgotten. nullptr: it does not
  /// take part.
  [[nodiscard]] const ScheduledTask* of_process(pid_t pid) const;

  /// A task is about to make a child or a thread.
  void begin_fork(ScheduledTask& maker, bool thread);
  /// Looks for children and threads of all who may have made some. True: there were new ones.
  /// `counted`: their makers' calls were seen.
  bool look_for_new(bool counted = true);
  /// Before its maker dies, as it cannot be asked afterwards.
  void look_for_children_of(ScheduledTask& maker);

  [[nodiscard]] const std::map<std::string, std::unique_ptr<ScheduledTask>, std::less<>>& all()
      const {
    return tasks_;
  }
  /// Whether another task of its process lives.
  [[nodiscard]] bool is_threaded(const ScheduledTask& task) const;
  /// Of the same operation, and alive.
  [[nodiscard]] std::vector<ScheduledTask*> members_of(std::string_view operation) const;
  /// Main threads of the processes that it has made, of the dead too.
  [[nodiscard]] std::vector<ScheduledTask*> children_of(const ScheduledTask& maker) const;
  /// Of its process, and alive.
  [[nodiscard]] std::vector<ScheduledTask*> threads_of(pid_t pid) const;
  void bury(ScheduledTask& task);
  /// How many were buried so far.
  [[nodiscard]] std::uint64_t deaths() const { return deaths_; }
  void forget(const std::function<bool(const ScheduledTask&)>& whom);
  /// Those that have ended, seen or not; labels begin anew behind those of the living.
  void forget_dead();
  /// Likewise those that were made unseen.
  void look_for_new_everywhere();
  /// Whether all who live are among those who lived when settle_here() was last called.
  void settle_here();
  [[nodiscard]] bool only_settlers() const;

 private:
  ScheduledTask& add(std::string label, const ScheduledTask& maker, pid_t tid, pid_t pid);
  void add_made(ScheduledTask& maker, const std::vector<pid_t>& tids, bool threads, bool counted);
  bool look_at_threads_of(ScheduledTask& maker, bool counted = true);
  bool look_at_children_of(ScheduledTask& maker, bool counted = true);

  std::function<void(const ScheduledTask&, std::string_view)> on_new_;
  std::map<std::string, std::unique_ptr<ScheduledTask>, std::less<>> tasks_;
  std::map<pid_t, ScheduledTask*> by_tid_;  ///< the living
  std::set<pid_t> settlers_;
  std::uint64_t deaths_ = 0;
};

}  // namespace stress
