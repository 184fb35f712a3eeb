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
/// Each of their tasks stops at its next relevant call: one that others could notice, or that lets it
/// notice others. Calls on files outside of the watched folders are let through at once. What would
/// make one repetition unlike another is taken away where that is possible: random bytes follow
/// from the seed, and a thread that sleeps alone in its process sleeps as a step, not by the clock.
///
/// Policy of stillness. It is observed, not guessed: each task is stopped at a call, or asleep at two
/// looks without having run between them. A task that talks to a server outside of the run (a tmux
/// client) sleeps because others move, so it is waited for.
///
/// Thread-safety: for one thread. That must be the one that made it.
class Arena {
 public:
  struct Setting {
    const BpfProgram* filter = nullptr;  ///< of kScheduleSet
    int join_fd = -1;                    ///< see launch()
    std::vector<std::filesystem::path> watched;
    std::vector<std::filesystem::path> sockets;  ///< servers' sockets below these are relevant
    std::uint64_t seed = 0;                      ///< of the random bytes
    /// How long a task that talks to others, or that nobody can tell about, is waited for.
    std::chrono::milliseconds patience{10'000};
  };
  struct Ended {
    std::string label;
    int status = 0;  ///< as from waitpid
  };

  /// `on_new` is told each new task and its maker's label (empty for a launched one).
  Arena(Setting setting, std::function<void(const ScheduledTask&, std::string_view)> on_new);
  /// end().
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// The program stands before its first instruction, as a task of this label. Errors: launch().
  base::Status launch(const std::string& label, const LaunchSpec& spec);
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
  [[nodiscard]] bool any_running() const;
  [[nodiscard]] const BlindSpots& blind_spots() const { return blind_spots_; }

  /// From now on all calls are let through, by a thread: for what is to live on while others look.
  void free_all();
  /// Kills whoever is left, and forgets them all.
  void end();

 private:
  struct Root {
    std::string label;
    Launched launched;
    Tasks tasks;
    bool reaped = false;
    Root(std::string l, Launched made)
        : label(std::move(l)), launched(std::move(made)), tasks(launched.pid) {}
  };
  enum class Look { kStill, kMoves };

  bool poll_once(std::chrono::microseconds timeout);
  void receive(std::size_t root);
  void receive_freely(std::size_t root) const;
  void handle(Root& root, std::size_t index, Stopped stopped);
  void park(ScheduledTask& task, Stopped stopped);
  bool handle_unobserved(ScheduledTask& task, const Stopped& stopped);
  [[nodiscard]] bool is_relevant(const Op& op) const;
  void begin_exit(ScheduledTask& task, const Op& op);
  Look look_around();
  [[nodiscard]] bool somebody_runs() const;
  [[nodiscard]] bool somebody_talks() const;
  bool reap(Root& root);
  void bury_dead_of(const Root& root);
  Root* root_of(std::string_view label);

  Setting setting_;
  TaskTable tasks_;
  std::vector<std::unique_ptr<Root>> roots_;
  std::vector<Ended> ended_;
  BlindSpots blind_spots_;
  std::vector<pollfd> polled_;
  std::jthread server_;
};

}  // namespace stress
