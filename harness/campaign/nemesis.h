#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "harness/campaign/collector.h"
#include "harness/campaign/full_disk.h"
#include "harness/campaign/session_probe.h"
#include "harness/choice/choice.h"
#include "harness/workload/control.h"

namespace stress {

/// The faults that strike from outside, in a thread of their own: sessions and servers are killed,
/// the disk is full for a while. When: as soon as so many spawns are acknowledged as the seed drew
/// for each.
class Nemesis {
 public:
  struct Plan {
    std::uint64_t session_kills = 0;
    std::uint64_t server_kills = 0;
    std::uint64_t full_disks = 0;
    std::uint64_t spawns = 0;  ///< required: the times are drawn from them
  };
  enum class Blow { kSession, kServer, kFullDisk };
  struct Strike {
    std::uint64_t due = 0;  ///< acknowledged spawns
    Blow blow = Blow::kSession;
    std::uint64_t number = 0;  ///< among those of its kind
  };
  /// All of the plan's, by due. A kill needs somebody to kill, so it waits for one spawn at least;
  /// a disk is filled while one spawn at least is still to come.
  static std::vector<Strike> draw(const Plan& plan, const Choice& choice);

  /// `disk`: where the plan fills one. All must outlive it.
  Nemesis(const Plan& plan, const Choice& choice, SessionProbe& probe, const Disk* disk,
          const ControlBlock& control, Collector& collector);
  ~Nemesis() { stop(); }
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  void start();
  /// Kills what is still due, at once, then ends; the disk has room again.
  void stop();
  [[nodiscard]] bool server_was_killed() const { return server_was_killed_; }

 private:
  struct Pending {
    Strike strike;
    int tries = 0;  ///< since the storm was over
  };
  void loop();
  bool settle(Pending& pending, bool over);
  bool strike(const Strike& strike);
  bool strike_session(const Strike& strike);
  bool strike_server(const Strike& strike);
  bool fill_disk(const Strike& strike);
  bool record(Fault fault, Struck struck);
  void record_missed(const Strike& strike, const char* why);

  std::vector<Pending> pending_;  ///< by due
  Choice choice_;
  SessionProbe& probe_;
  std::optional<FullDisk> full_disk_;
  const ControlBlock& control_;
  Collector& collector_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> server_was_killed_{false};
  std::thread thread_;
};

}  // namespace stress
