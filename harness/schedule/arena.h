#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/schedule/task_table.h"
#include "harness/supervise/blind_spots.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/launch.h"
#include "harness/supervise/tasks.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Programs under supervision of which none moves unless it is let go.
///
/// Each of their tasks stops at its next relevant call: one that others could notice, or that lets
/// it notice others. Calls on files outside of the watched folders are let through at once. What
/// would make one repetition unlike another is taken away where that is possible: random bytes
/// follow from the seed, and a thread that sleeps alone in its process sleeps as a step, not by the
/// clock; while a child of its is ending, it does not sleep at all.
///
/// Policy of stillness. It is observed, not guessed: each task is stopped at a call and no signal
/// has woken it there, or asleep at two looks without having run between them. A server that they
/// talk to (tmux) belongs in the arena too, as does what it runs in its panes: else nobody could
/// tell who is still on his way. Servers outlive the programs; their signals are no steps, and
/// nobody kills them.
///
/// Thread-safety: for one thread.
class Arena {
 public:
  struct Setting {
    const BpfProgram* filter = nullptr;  ///< of kScheduleSet
    int join_fd = -1;                    ///< see launch()
    std::vector<std::filesystem::path> watched;
    std::vector<std::filesystem::path> sockets;  ///< servers' sockets below these are relevant
    std::filesystem::path tmux_socket;           ///< told as "the tmux server"
    std::uint64_t seed = 0;                      ///< of the random bytes
    /// How long stillness is waited for, and longer where the machine leaves us no turns.
    std::chrono::milliseconds patience{10'000};
  };
  struct Ended {
    std::string label;
    int status = 0;  ///< as from waitpid
  };

  explicit Arena(Setting setting) : setting_(std::move(setting)) {}
  /// end().
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  enum class Role { kProgram, kServer };
  /// It stands before its first instruction, as a task of this label. Errors: those of launch().
  base::Status launch(const std::string& label, const LaunchSpec& spec, Role role = Role::kProgram);
  /// Returns when nothing moves. False: something still did when the patience was over.
  bool settle();
  /// Waits up to `slice` for anything to move. False: nothing has.
  bool wait_for_motion(std::chrono::milliseconds slice);
  /// Lets a parked task make its call. What it does then is seen by settle().
  void let_go(ScheduledTask& task);
  /// Its call returns `value` and is not made.
  void answer(ScheduledTask& task, std::uint64_t value);
  /// SIGKILL of the launched program of this label; all of its process group with it, or it alone.
  /// Returns when they are dead. False: it was dead already.
  bool kill(const std::string& label, bool with_descendants);

  [[nodiscard]] TaskTable& tasks() { return tasks_; }
  [[nodiscard]] const Setting& setting() const { return setting_; }
  /// Launched programs that have ended since it was last asked, in order.
  std::vector<Ended> take_ended();
  [[nodiscard]] bool is_running(std::string_view label) const;
  /// Whether a program runs; servers always do.
  [[nodiscard]] bool any_running() const;
  [[nodiscard]] bool is_servers(const ScheduledTask& task) const {
    return roots_[task.root]->role == Role::kServer;
  }
  [[nodiscard]] const BlindSpots& blind_spots() const { return blind_spots_; }
  /// How often a file may have come, gone or changed its name. While this is the same, the names
  /// and descriptors of who stands before a call are those of the same files.
  [[nodiscard]] std::uint64_t names_changed() const { return names_changed_; }
  /// To be called by whoever may do so from outside.
  void note_names_changed() { ++names_changed_; }

  /// From now on all calls are let through, by a thread of its own: for what is to live on while
  /// the harness itself looks, or talks to a server. Only rule() and end() may be called then.
  void free_all();
  /// Meanwhile servers, and what they run, go on freely, and everybody else stands: so that the
  /// harness may talk to a server in the middle of a run.
  void while_servers_run(const std::function<void()>& talk);
  /// Who is there now belongs to the servers for good (sessions that are prepared): rule() waits
  /// until everybody else is gone. To be called while all calls are let through.
  void settle_servers();
  /// No longer: whoever calls is stopped again. What was made meanwhile is known, what is gone is
  /// forgotten. `on_new` is told each task that is new from now on, and its maker's label (empty
  /// for a launched one).
  void rule(std::function<void(const ScheduledTask&, std::string_view)> on_new);
  /// Kills what is left of the programs, and forgets them; servers live on, and all their calls are
  /// let through.
  void end_programs();
  /// Kills whoever is left, and forgets them all.
  void end();

 private:
  struct Root {
    std::string label;
    Launched launched;
    Tasks tasks;
    Role role;
    bool reaped = false;
    Root(std::string l, Launched made, Role r)
        : label(std::move(l)), launched(std::move(made)), tasks(launched.pid), role(r) {}
  };
  enum class Look { kStill, kAlmost, kMoves };
  /// How long a death that is certain is waited for.
  static constexpr int kDeathMs = 30'000;

  bool poll_once(std::chrono::microseconds timeout);
  void receive(std::size_t root);
  void handle(Root& root, std::size_t index, Stopped stopped);
  void park(ScheduledTask& task, Stopped stopped);
  bool handle_unobserved(ScheduledTask& task, const Stopped& stopped);
  void note_names(const Op& op);
  [[nodiscard]] bool is_relevant(const Op& op, Role role) const;
  void begin_exit(ScheduledTask& task, const Op& op);
  bool outlasts_a_child(const ScheduledTask& sleeper);
  [[nodiscard]] bool is_ending(const ScheduledTask& task) const;
  Look look_around();
  [[nodiscard]] bool somebody_runs() const;
  [[nodiscard]] bool is_ending(const Root& root) const;
  [[nodiscard]] bool somebody_stirs();
  bool look_for_vanished();
  void serve_freely(const std::stop_token& stop, bool servers_only, int wake) const;
  void look_again();
  [[nodiscard]] bool all_rest() const;
  void start_serving();
  void stop_serving();
  void kill_tasks(bool servers_too);
  bool reap(Root& root);
  void bury_dead_of(const Root& root);
  Root* root_of(std::string_view label);

  Setting setting_;
  TaskTable tasks_;
  std::vector<std::unique_ptr<Root>> roots_;
  std::vector<Ended> ended_;
  BlindSpots blind_spots_;
  std::vector<pollfd> polled_;
  bool signals_ = true;  ///< one may be under way to somebody who is parked
  std::uint64_t names_changed_ = 0;
  std::uint64_t deaths_seen_ = 0;  ///< of which others have been told by signals, if at all
  std::jthread server_;
  base::UniqueFd server_wake_;
};

}  // namespace stress
