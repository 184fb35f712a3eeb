#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/supervise/blind_spots.h"
#include "harness/supervise/delays.h"
#include "harness/supervise/launch.h"
#include "harness/supervise/pauses.h"
#include "harness/supervise/policy.h"
#include "harness/supervise/tasks.h"

namespace stress {

/// Runs programs, unmodified, and decides about each of their relevant system calls.
///
/// One thread receives, decodes, asks the policy and answers; so decisions have one order, and
/// while it kills somebody nobody else is answered: no process can act upon a death that has not
/// happened yet. Each launch has a listener of its own; its descendants, daemons included, stay
/// with it, and are answered until they are gone or the engine is. (When a listener closes, trapped
/// calls fail with ENOSYS: so the group must be ended before the engine is destroyed.)
///
/// Thread-safety: launch, signal and running may be called from any thread.
class Engine {
 public:
  /// `filter_set` empty (0): nothing is trapped, processes are only launched, signalled and reaped.
  /// The policy must outlive the engine. Errors: kIo, kUnavailable.
  static base::Result<std::unique_ptr<Engine>> start(Policy& policy, std::uint32_t filter_set,
                                                     int join_fd);
  /// Ends the engine's thread. Launched processes that still live are killed and reaped.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Returns the number by which Op::root and Policy::exited name this launch. `announce` is told
  /// the number before the first call of the program is answered.
  base::Result<std::uint32_t> launch(const LaunchSpec& spec,
                                     const std::function<void(std::uint32_t)>& announce = nullptr);

  /// Sends a signal to a launched process (SIGKILL, SIGSTOP, SIGCONT). False: it is dead already.
  bool signal(std::uint32_t root, int signal_number);

  /// Launched processes that are not reaped yet.
  [[nodiscard]] int running() const;
  /// Whether the launched process is dead and nobody of its process group lives: what it did is
  /// over, but for daemons.
  [[nodiscard]] bool is_over(std::uint32_t root);
  /// Whether a process of the launches' process groups still lives: spawners and their non-daemon
  /// descendants.
  [[nodiscard]] bool descendants_alive() const;
  /// Continues whatever is paused or delayed, now, and pauses and delays no more.
  void end_pauses();

  /// Relevant calls answered so far.
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  /// What went, or tried to go, past the policy so far.
  [[nodiscard]] std::vector<BlindSpot> blind_spots() const { return blind_spots_.found(); }

 private:
  struct Root;
  using TimePoint = std::chrono::steady_clock::time_point;

  Engine(Policy& policy, BpfProgram filter, std::uint32_t filter_set, int join_fd);
  void loop();
  void receive(Root& root);
  void notice(Root& root, const Stopped& stopped, BlindSpot::Kind kind);
  void answer(Root& root, const Stopped& stopped);
  void apply(Root& root, const Stopped& stopped, const Verdict& verdict);
  bool kill(Root& root, const Op& op, Scope scope, Victim victim);
  bool kill_root(Root& root, Scope scope);
  static bool goes_down(const Root& root, const Op& op, Scope scope, Victim victim);
  bool cut_short(const Stopped& stopped, std::uint64_t bytes);
  void reap(Root& root);
  int wait_for_events(std::vector<epoll_event>& events);
  std::shared_ptr<Root> find(std::uint64_t key);

  Policy& policy_;
  Delays delays_;
  Pauses pauses_;
  BpfProgram filter_;
  std::uint32_t filter_set_;
  int join_fd_;
  base::UniqueFd epoll_;
  base::UniqueFd wake_;
  mutable std::mutex mutex_;  ///< guards roots_
  std::vector<std::shared_ptr<Root>> roots_;
  BlindSpots blind_spots_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> pauses_over_{false};
  std::atomic<std::uint64_t> answered_{0};
  std::thread thread_;
};

}  // namespace stress
