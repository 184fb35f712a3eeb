#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "harness/campaign/collector.h"
#include "harness/campaign/session_probe.h"
#include "harness/choice/choice.h"
#include "harness/workload/control.h"

namespace stress {

/// The faults that strike from outside, in a thread of their own: sessions and servers are killed.
/// When: as soon as so many spawns are acknowledged as the seed drew for each.
class Nemesis {
 public:
  struct Plan {
    std::uint64_t session_kills = 0;
    std::uint64_t server_kills = 0;
    std::uint64_t spawns = 0;  ///< required: the times are drawn from [0, spawns)
  };

  Nemesis(const Plan& plan, const Choice& choice, SessionProbe& probe, const ControlBlock& control,
          Collector& collector);
  ~Nemesis() { stop(); }
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  void start();
  /// Strikes what is still due, at once, then ends.
  void stop();
  [[nodiscard]] bool server_was_killed() const { return server_was_killed_; }

 private:
  struct Strike {
    std::uint64_t due = 0;  ///< acknowledged spawns
    bool server = false;
    std::uint64_t number = 0;
  };
  void loop();
  bool strike(const Strike& strike);
  bool strike_session(const Strike& strike);
  bool strike_server(const Strike& strike);
  bool record(Fault fault, Struck struck);

  std::vector<Strike> strikes_;  ///< by due
  Choice choice_;
  SessionProbe& probe_;
  const ControlBlock& control_;
  Collector& collector_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> server_was_killed_{false};
  std::thread thread_;
};

}  // namespace stress
