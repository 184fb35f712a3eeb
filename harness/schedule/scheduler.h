#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/schedule/arena.h"
#include "harness/schedule/causality.h"
#include "harness/schedule/descriptors.h"
#include "harness/schedule/lives.h"
#include "harness/schedule/lock_holders.h"
#include "harness/schedule/meetings.h"
#include "harness/schedule/moment.h"
#include "harness/schedule/shared_files.h"
#include "harness/schedule/step.h"
#include "harness/schedule/waiting_loops.h"

namespace stress {

/// Who is to be told how a run goes. Called while nothing moves.
class ScheduleObserver {
 public:
  virtual ~ScheduleObserver() = default;
  /// A program has begun: its first step is about to be taken.
  virtual void began(const std::string& label) = 0;
  /// A program has ended, of its own or because it was killed (`by_us`).
  virtual void ended(const std::string& label, int status, bool by_us) = 0;
  /// A step is over; more may be said of it.
  virtual void stepped(Step& step) = 0;
};

/// Something that the harness itself may do once in a run, at whatever moment is chosen.
struct Actor {
  std::string label;
  CallWords call;
  std::vector<Access> accesses;
  std::function<std::string()> act;  ///< returns what came of it, in words; empty: nothing to say
};

enum class RunEnd {
  kDone,      ///< all programs have ended
  kStuck,     ///< nobody can go on, and nothing has happened for `stuck_after`
  kTooLong,   ///< more than `steps_max`
  kKnown,     ///< the strategy knows how it would go on
  kDeparted,  ///< the strategy could not go on: what it was to repeat did not come up
  kRestless,  ///< something that nobody could stop moved on and on
};

/// Runs launched programs step by step: at each moment a strategy chooses who goes on.
///
/// - A blocking lock that is held makes its waiter no candidate. flock and OFD locks are taken by
///   the scheduler on the task's own descriptor, so that they are had at the very moment of the
///   choice.
/// - Who sleeps, or asks for the same thing again and again, yields: to choose another is no
///   preemption then; and who has yielded with nobody else running meanwhile is no candidate while
///   there are others. So a loop that waits does not go on for ever.
/// - Where nobody can go on, locks are waited for in the kernel, so that the programs' own time
///   limits can end it. What then does not move for `stuck_after` is stuck.
class Scheduler {
 public:
  struct Setting {
    int crashes_max = 0;
    /// Whatever runs in a session of its own (agents, what a server runs) goes on before anybody
    /// else does, and before anybody dies: only the programs themselves are interleaved.
    bool sessions_at_once = false;
    /// Programs begin in the order of their launch: enough where they are alike but for their
    /// names.
    bool begin_in_order = false;
    std::uint64_t steps_max = 20'000;
    std::chrono::milliseconds stuck_after{10'000};
  };
  /// All must outlive it. The programs are launched in the arena already, but for `actors`.
  Scheduler(Setting setting, Strategy& strategy, ScheduleObserver& observer)
      : setting_(setting), strategy_(strategy), observer_(observer) {}

  /// To be told by the arena.
  void note_new(const ScheduledTask& task, std::string_view maker);
  RunEnd run(Arena& arena, std::vector<Actor> actors);

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  /// kKnown: the moment at which nothing was chosen.
  [[nodiscard]] const std::optional<Moment>& cut_at() const { return cut_at_; }
  /// kStuck: who waits for whom, one line each.
  [[nodiscard]] const std::vector<std::string>& deadlock() const { return deadlock_; }
  /// What each living task is at, in words: for whoever wonders why it did not go on.
  [[nodiscard]] std::string standings() const;
  /// Which calls could have come out otherwise in another order.
  [[nodiscard]] const Meetings& meetings() const { return meetings_; }
  /// The run's state where it ended (see Causality).
  [[nodiscard]] std::uint64_t state() const { return causality_.value(); }

 private:
  struct Choices {
    Moment moment;
    std::vector<ScheduledTask*> tasks;  ///< beside moment.candidates; nullptr: an actor
    std::vector<std::vector<Access>> accesses;
    std::vector<std::string> keys;  ///< of the events, for Causality
  };
  RunEnd take_steps();
  Choices look_for_choices();
  void add_candidate(Choices& choices, ScheduledTask* task, Candidate candidate,
                     std::vector<Access> accesses);
  void add_mortals(Moment& moment);
  [[nodiscard]] Mortal mortal_of(const ScheduledTask& main);
  [[nodiscard]] bool is_heard(const ScheduledTask& main);
  [[nodiscard]] std::string whom_it_asks_after(const ScheduledTask& task) const;
  [[nodiscard]] bool waits(ScheduledTask& task);
  [[nodiscard]] bool begins_later(const ScheduledTask& task) const;
  [[nodiscard]] ScheduledTask* who_goes_at_once(const std::vector<ScheduledTask*>& ready) const;
  [[nodiscard]] bool is_apart(const ScheduledTask& task) const;
  [[nodiscard]] std::string turn_of(const ScheduledTask& task) const;
  /// See Moment.
  [[nodiscard]] bool is_anybody_held_up(const std::vector<ScheduledTask*>& ready,
                                        bool forced) const;
  [[nodiscard]] std::vector<Access> accesses_of_step(ScheduledTask& task) const;
  [[nodiscard]] bool yields(const ScheduledTask& task) const;
  [[nodiscard]] WaitingLoops::Labels living() const;
  void carry_out(const Choices& choices, const Decision& decision);
  void mark_births();
  [[nodiscard]] std::vector<std::uint64_t> locks_of(std::string_view operation) const;
  void note_consequence(const std::vector<Access>& accesses);
  void step_of(ScheduledTask& task, const Choices& choices, std::size_t index);
  void step_of_actor(Actor& actor);
  void crash(const Decision& decision);
  void let_go(ScheduledTask& task);
  /// Of the lock that a task waits for, by label; empty: none of the tasks.
  [[nodiscard]] std::string holder_for(const ScheduledTask& task) const;
  void finish_step();
  void note_sleepers();
  void note_ends();
  /// True: there were some.
  bool note_closed();
  [[nodiscard]] bool is_in_step() const;
  void note_unseen(const ScheduledTask& task, std::string_view what,
                   const std::vector<Access>& told, const std::vector<Access>& changed);
  void note_made_by_step(const std::vector<Access>& changed);
  void note_trace(bool closes);
  void note_woken();
  void report_ends();
  bool wait_for_outside();
  void release_waiters();
  void tell_deadlock();

  Setting setting_;
  Strategy& strategy_;
  ScheduleObserver& observer_;
  Arena* arena_ = nullptr;
  std::vector<Actor> actors_;
  std::vector<Step> steps_;
  std::optional<Moment> cut_at_;
  Causality causality_;
  Meetings meetings_;
  std::string last_;  ///< whose step it was, of those who take turns; after his death too
  std::string turn_;  ///< with whom he takes turns; after his death too
  /// A file that is read piece by piece in fewer calls is no loop.
  WaitingLoops loops_{10};
  /// Whose step it was that what went on at once since then comes of, and its call.
  std::pair<std::string, std::string> cause_;
  std::map<std::string, std::uint64_t> made_by_;  ///< each task: the call of cause_ at its birth
  /// Calls that went on at once, each with the one that their task was born by: that is what could
  /// be made earlier or later.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> born_by_;
  int crashes_ = 0;
  std::string crashed_;  ///< by the step that is under way
  /// When the last step began, each with what it looked like (see ScheduledTask).
  std::vector<std::pair<std::string, std::string>> sleepers_;
  /// Of the step that is under way or was the last.
  struct Trace {
    bool told = true;  ///< somebody of it, as far as is known: it made, woke or ended him
    bool looks = false;
    bool locks = false;      ///< it is about a lock
    std::set<LockKey> held;  ///< by its process before it
    bool shared = false;     ///< another process had one of these too
    bool traceless = false;  ///< see Moment
    bool traceless_once_dead = false;
  };
  Trace trace_;
  LockHolders holders_;
  Lives lives_;
  DescriptorTable descriptors_;
  SharedFiles shared_files_;
  std::vector<std::string> deadlock_;
};

}  // namespace stress
