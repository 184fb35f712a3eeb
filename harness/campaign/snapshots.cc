#include "harness/campaign/snapshots.h"

#include <algorithm>
#include <chrono>

#include "orchestrator/base/clock.h"

namespace stress {

Snapshot snapshot_of(const Observation& seen) {
  Snapshot snapshot;
  snapshot.readable = seen.readable;
  snapshot.absent = seen.absent;
  snapshot.error = seen.error;
  if (!seen.readable) {
    snapshot.excerpt = seen.excerpt;
    return snapshot;
  }
  snapshot.generation = seen.generation;
  snapshot.duplicate_ids = seen.duplicate_ids;
  snapshot.counts = seen.counts;
  snapshot.counts_by_task = seen.counts_by_task;
  return snapshot;
}

Observation Snapshots::take(Phase phase) {
  const std::lock_guard lock(mutex_);
  Interval at{.begin = base::monotonic_ns()};
  Observation seen = target_.observer().observe();
  at.end = base::monotonic_ns();
  if (seen.not_looked) {
    collector_.trouble("the harness could not read the registry: " + seen.error);
    return seen;
  }
  Snapshot snapshot = snapshot_of(seen);
  snapshot.phase = phase;
  snapshot.at = at;
  if (seen.readable) {
    names_.learn(seen);
    delta_.fill(snapshot, seen.agents);
    damage_expected_ = false;
  } else {
    snapshot.harness_damaged = damage_expected_;
  }
  collector_.with([&](Evidence& evidence) { evidence.snapshots.push_back(std::move(snapshot)); });
  return seen;
}

void Snapshots::expect_damage() {
  const std::lock_guard lock(mutex_);
  damage_expected_ = true;
}

void Snapshots::start() {
  thread_ = std::thread([this] {
    auto pause = std::chrono::nanoseconds(0);
    for (;;) {
      std::unique_lock lock(stop_mutex_);
      if (stop_changed_.wait_for(lock, pause, [this] { return stopping_; })) return;
      lock.unlock();
      const auto begin = std::chrono::steady_clock::now();
      take(Phase::kStorm);
      const auto cost = std::chrono::steady_clock::now() - begin;
      pause = std::max<std::chrono::nanoseconds>(std::chrono::milliseconds(30), 2 * cost);
    }
  });
}

void Snapshots::stop() {
  {
    const std::lock_guard lock(stop_mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace stress
