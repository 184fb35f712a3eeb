#include "harness/explore/commit_watch.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/run_index.h"

namespace stress {
namespace {

struct Spawn {
  std::size_t operation = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  Nanoseconds completed = 0;
  bool certain = true;
};

/// By their beginnings. Whose stretch meets another's is not certain; prepared ones are.
void mark_meetings(std::vector<Spawn>& spawns) {
  Spawn* longest = nullptr;
  for (Spawn& spawn : spawns) {
    if (spawn.begin == 0) continue;
    if (longest != nullptr && spawn.begin <= longest->end) {
      spawn.certain = longest->certain = false;
    }
    if (longest == nullptr || spawn.end > longest->end) longest = &spawn;
  }
}

}  // namespace

void CommitWatch::Stretch::cover(const Stretch& other) {
  begin = std::min(begin, other.begin);
  end = std::max(end, other.end);
}

void CommitWatch::stepped(const Step& step) {
  ++now_;
  if (!step.acts) return;
  const auto over = over_.find(step.operation);
  if (over != over_.end() && over->second < now_) return;
  const Stretch act{now_, now_};
  acts_.try_emplace(step.operation, act).first->second.cover(act);
}

void CommitWatch::saw(const Observation& registry) {
  if (registry.not_looked || (!registry.readable && !registry.absent)) return;
  std::map<std::string, const ObservedAgent*> agents;
  for (const ObservedAgent& agent : registry.agents) {
    agents[agent.id] = &agent;
    records_.try_emplace(agent.id, Record{.stretch = {.begin = looked_ ? *looked_ + 1 : 0}});
  }
  for (auto& [id, record] : records_) {
    if (record.closed) continue;
    const auto found = agents.find(id);
    std::optional<ObservedAgent> now;
    if (found != agents.end()) now = *found->second;
    if (now != record.now) {
      record.now = std::move(now);
      record.stretch.end = now_;
    }
    record.closed = answered_.contains(id);
  }
  looked_ = now_;
}

void CommitWatch::answered(const std::string& operation, const std::string& agent) {
  over_.try_emplace(operation, now_ + 1);
  answered_.try_emplace(agent, operation);
}

void CommitWatch::number(Evidence& evidence) const {
  std::vector<Spawn> spawns;
  for (const auto& [id, op] : check::acked_spawns(evidence)) {
    const auto record = records_.find(std::string(id));
    if (record == records_.end()) continue;
    Stretch stretch = record->second.stretch;
    // What was there before did not come by a spawn of the schedule, nor later what was prepared.
    if ((op->client == kSetupClient) != (stretch.begin == 0)) continue;
    const auto answer = answered_.find(record->first);
    const auto acts = answer == answered_.end() ? acts_.end() : acts_.find(answer->second);
    if (acts != acts_.end()) stretch.cover(acts->second);
    spawns.push_back({.operation = static_cast<std::size_t>(op - evidence.operations.data()),
                      .begin = stretch.begin,
                      .end = stretch.end,
                      .completed = *op->completed});
  }
  std::ranges::sort(spawns, {},
                    [](const Spawn& spawn) { return std::tuple(spawn.begin, spawn.completed); });
  mark_meetings(spawns);
  std::uint64_t place = 0;
  for (const Spawn& spawn : spawns) {
    if (spawn.certain) evidence.operations[spawn.operation].committed = ++place;
  }
}

}  // namespace stress
