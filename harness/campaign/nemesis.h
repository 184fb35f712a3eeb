#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "harness/campaign/collector.h"
#include "harness/campaign/full_disk.h"
#include "harness/campaign/session_probe.h"
#include "harness/campaign/strangers.h"
#include "harness/choice/choice.h"
#include "harness/workload/control.h"

namespace stress {

/// The faults that strike from outside, in a thread of their own: sessions and servers are killed,
/// the numbers of killed agents are given to strangers, the disk is full for a while. When: as soon
/// as so many spawns are acknowledged as the seed drew for each.
class Nemesis {
 public:
  struct Plan {
    std::uint64_t session_kills = 0;
    std::uint64_t server_kills = 0;
    std::uint64_t full_disks = 0;
    std::uint64_t reused_pids = 0;  ///< session kills of their own, each with a stranger after it
    std::uint64_t spawns = 0;       ///< required: the times are drawn from them
  };
  enum class Blow { kSession, kServer, kFullDisk, kReusedPid };
  struct Strike {
    std::uint64_t due = 0;  ///< acknowledged spawns
    Blow blow = Blow::kSession;
    std::uint64_t number = 0;  ///< among those of its kind
  };
  /// All of the plan's, by due. A kill needs somebody to kill, so it waits for one spawn at least;
  /// a disk is filled while one spawn at least is still to come.
  static std::vector<Strike> draw(const Plan& plan, const Choice& choice);

  /// What it strikes. All must outlive it.
  struct Prey {
    SessionProbe& probe;
    const Disk* disk = nullptr;  ///< where the plan fills one
    Strangers& strangers;
  };
  Nemesis(const Plan& plan, const Choice& choice, const Prey& prey, const ControlBlock& control,
          Collector& collector);
  ~Nemesis() { stop(); }
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  void start();
  /// Kills what is still due, at once, then ends; the disk has room again.
  void stop();
  /// What is still due is not struck any more. For a storm that was cut short.
  void abandon() { abandoned_ = true; }
  /// After stop(): the server is killed once more. False: there was none.
  bool end_server() { return strike_server({.blow = Blow::kServer, .number = kLastServer}); }
  [[nodiscard]] bool server_was_killed() const { return server_was_killed_; }

 private:
  static constexpr std::uint64_t kLastServer = ~std::uint64_t{0};
  struct Pending {
    Strike strike;
    int tries = 0;  ///< since the storm was over
  };
  void loop();
  bool settle(Pending& pending, bool over);
  bool strike(const Strike& strike);
  bool strike_session(const Strike& strike);
  void reuse_pid(const ObservedSession& victim);
  bool strike_server(const Strike& strike);
  bool record(Fault fault, Struck struck);
  void record_missed(const Strike& strike, const char* why);

  std::vector<Pending> pending_;  ///< by due
  Choice choice_;
  SessionProbe& probe_;
  Strangers& strangers_;
  std::optional<FullDisk> full_disk_;
  const ControlBlock& control_;
  Collector& collector_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> server_was_killed_{false};
  std::thread thread_;
};

}  // namespace stress
