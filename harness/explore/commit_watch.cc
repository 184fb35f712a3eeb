#include "harness/explore/commit_watch.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/run_index.h"

namespace stress {
namespace {

/// The read that all which was there before came with.
constexpr std::uint64_t kStart = 1;

struct Seen {
  std::size_t operation = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  Nanoseconds completed = 0;
  bool certain = true;
};

/// Of one order, first reads rising: whoever shares a read with another is uncertain, but for those
/// of the start.
void mark_meetings(std::vector<Seen>& spawns) {
  Seen* longest = nullptr;
  for (Seen& spawn : spawns) {
    if (spawn.first == kStart) continue;
    if (longest != nullptr && spawn.first <= longest->last) {
      spawn.certain = longest->certain = false;
    }
    if (longest == nullptr || spawn.last > longest->last) longest = &spawn;
  }
}

}  // namespace

void CommitWatch::saw(const Observation& registry) {
  if (registry.not_looked || (!registry.readable && !registry.absent)) return;
  ++reads_;
  std::map<std::string, const ObservedAgent*> records;
  for (const ObservedAgent& agent : registry.agents) {
    records[agent.id] = &agent;
    stretches_.try_emplace(agent.id, Stretch{.first = reads_});
  }
  for (auto& [id, stretch] : stretches_) {
    if (stretch.closed) continue;
    const auto found = records.find(id);
    std::optional<ObservedAgent> now;
    if (found != records.end()) now = *found->second;
    if (now != stretch.record) {
      stretch.record = std::move(now);
      stretch.last = reads_;
    }
    stretch.closed = answered_.contains(id);
  }
}

void CommitWatch::answered(const std::string& agent) { answered_.insert(agent); }

void CommitWatch::number(Evidence& evidence) const {
  std::vector<Seen> spawns;
  for (const auto& [id, op] : check::acked_spawns(evidence)) {
    const auto found = stretches_.find(std::string(id));
    if (found == stretches_.end()) continue;
    // What came at the start did not come by a spawn of the schedule, nor later what was prepared.
    if ((op->client == kSetupClient) != (found->second.first == kStart)) continue;
    spawns.push_back({.operation = static_cast<std::size_t>(op - evidence.operations.data()),
                      .first = found->second.first,
                      .last = found->second.last,
                      .completed = *op->completed});
  }
  std::ranges::sort(spawns, {},
                    [](const Seen& spawn) { return std::tuple(spawn.first, spawn.completed); });
  mark_meetings(spawns);
  std::uint64_t place = 0;
  for (const Seen& spawn : spawns) {
    if (spawn.certain) evidence.operations[spawn.operation].committed = ++place;
  }
}

}  // namespace stress
