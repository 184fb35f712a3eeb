#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "harness/campaign/agent_names.h"
#include "harness/campaign/collector.h"
#include "harness/history/snapshot_cursor.h"
#include "harness/target/target.h"

namespace stress {

/// What one read says: all but when it was made and what changed since the one before.
Snapshot snapshot_of(const Observation& seen);

/// Reads the registry from outside, on request and, where the target allows it, all through the
/// storm. Thread-safe.
class Snapshots {
 public:
  /// `names` learns from each read.
  Snapshots(const Target& target, Collector& collector, AgentNames& names)
      : target_(target), collector_(collector), names_(names) {}
  ~Snapshots() { stop(); }
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  [[nodiscard]] const AgentNames& names() const { return names_; }
  /// One read, put into the evidence.
  Observation take(Phase phase);
  /// From now until it is readable again, what is unreadable is the harness's own doing.
  void expect_damage();

  /// Reads again and again in a thread of its own, at most a third of the time.
  void start();
  void stop();

 private:
  const Target& target_;
  Collector& collector_;
  AgentNames& names_;
  mutable std::mutex mutex_;
  SnapshotDelta delta_;
  bool damage_expected_ = false;
  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace stress
