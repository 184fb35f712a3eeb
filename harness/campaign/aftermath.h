#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/campaign/canaries.h"
#include "harness/campaign/collector.h"
#include "harness/campaign/session_probe.h"
#include "harness/campaign/snapshots.h"
#include "harness/supervise/engine.h"
#include "harness/supervise/group.h"
#include "harness/target/target.h"

namespace stress {

/// What follows a storm: wait until nothing is in motion, let the target repair itself as its user
/// would, look at everything, shut down, and see what is left. Each step adds to the evidence.
class Aftermath {
 public:
  Aftermath(Target& target, SessionProbe& probe, Snapshots& snapshots, const Group& group,
            Collector& collector, const RunPlace& place)
      : target_(target),
        probe_(probe),
        snapshots_(snapshots),
        group_(group),
        collector_(collector),
        place_(place) {}

  /// Spawners and their children have exited, no process of the target's is in transit, the host
  /// has answered twice. False (with a Trouble): not within `timeout`.
  bool quiesce(const Engine& engine, std::chrono::milliseconds timeout);

  /// The fault: damages the registry file (see damage_file), then lets the target look at it
  /// without changing anything. "none" does nothing.
  void damage(const std::string& kind);

  /// A dry run, the repair, and the repair again; agents that are seen healthy twice before must
  /// come through it.
  void repair();

  /// Sessions, registry, sessions, until both looks agree, three times at most.
  void observe();

  /// For whoever reads the results: the registry's file, or what was read where it is no single
  /// one.
  void keep_registry(const std::filesystem::path& copy);

  /// Ends agents and server, then lists what is still there.
  void shut_down(std::chrono::milliseconds timeout);

 private:
  /// Agents, and what is known of each in words.
  using Healthy = std::map<std::string, std::string>;
  /// nullopt: nothing may be concluded, as the host or the registry gave no answer.
  [[nodiscard]] std::optional<Healthy> healthy(Phase phase);
  [[nodiscard]] std::optional<Healthy> healthy_now(Phase phase);
  /// A pane whose program has just ended stands a moment longer than it. Waits for that.
  void let_ended_sessions_go();
  /// A stand-in that was started a moment ago tells of its birth a moment later. Waits for that.
  void let_agents_be_born();
  void run_repair(const std::string& role, bool dry_run);

  Target& target_;
  SessionProbe& probe_;
  Snapshots& snapshots_;
  const Group& group_;
  Collector& collector_;
  const RunPlace& place_;
};

}  // namespace stress
