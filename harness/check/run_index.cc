#include "harness/check/run_index.h"

#include <algorithm>
#include <limits>

namespace stress::check {
namespace {

// A killed server takes sessions along that were made just after the kill was begun.
constexpr Nanoseconds kServerDying = 5'000'000'000;

bool any_within(const std::vector<Nanoseconds>& sorted, Nanoseconds from, Nanoseconds until) {
  const auto first = std::ranges::lower_bound(sorted, from);
  return first != sorted.end() && *first <= until;
}

}  // namespace

bool is_active(const TargetFacts& target, const std::string& status) {
  return target.active.contains(status);
}

bool is_terminal(const TargetFacts& target, const std::string& status) {
  return target.terminal.contains(status);
}

std::string_view process_of(std::string_view client) { return client.substr(0, client.find('.')); }

AckedSpawns acked_spawns(const Evidence& evidence) {
  AckedSpawns acked;
  for (const Operation& op : evidence.operations) {
    if (op.kind != OpKind::kSpawn || op.outcome != OpOutcome::kOk) continue;
    if (!op.completed || op.agent.empty()) continue;
    const auto [place, fresh] = acked.try_emplace(op.agent, &op);
    if (!fresh && *op.completed < *place->second->completed) place->second = &op;
  }
  return acked;
}

std::vector<RequestedTwice> requested_twice(const Evidence& evidence) {
  const auto acknowledged = [](const Operation& op) {
    return op.kind == OpKind::kSpawn && op.outcome == OpOutcome::kOk && op.completed &&
           !op.agent.empty();
  };
  std::unordered_map<std::uint64_t, const Operation*> by_id;
  for (const Operation& op : evidence.operations) {
    if (acknowledged(op)) by_id.emplace(op.id, &op);
  }
  std::vector<RequestedTwice> pairs;
  for (const Operation& op : evidence.operations) {
    if (!op.duplicate_of || !acknowledged(op)) continue;
    const auto first = by_id.find(*op.duplicate_of);
    if (first != by_id.end()) pairs.push_back({first->second, &op});
  }
  return pairs;
}

DamageTimes::DamageTimes(const Evidence& evidence) {
  for (const Fault& fault : evidence.faults) {
    if (fault.injected && fault.kind == "registry-damage") times_.push_back(fault.at);
  }
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (snapshot.harness_damaged) times_.push_back(snapshot.at.end);
  }
  std::ranges::sort(times_);
}

Nanoseconds DamageTimes::last_until(Nanoseconds at) const {
  const auto next = std::ranges::upper_bound(times_, at);
  return next == times_.begin() ? std::numeric_limits<Nanoseconds>::min() : *std::prev(next);
}

Endings::Endings(const Evidence& evidence) {
  std::unordered_map<std::uint64_t, const Operation*> hit;
  for (const Fault& fault : evidence.faults) {
    if (fault.op && fault.variant == "with-descendants") hit.emplace(*fault.op, nullptr);
  }
  for (const Operation& op : evidence.operations) {
    const auto found = hit.find(op.id);
    if (found != hit.end()) found->second = &op;
    if (op.outcome == OpOutcome::kRefused || op.agent.empty()) continue;
    const auto status = op.writes.find("status");
    const bool ends = op.kind == OpKind::kUpdate && status != op.writes.end() &&
                      is_terminal(evidence.run.target, status->second);
    if (op.kind == OpKind::kKill || ends) request(op.agent, op.invoked);
  }
  for (const Fault& fault : evidence.faults) {
    if (!fault.injected) continue;
    if (fault.kind == "session-kill") request(fault.agent, fault.at);
    if (fault.kind == "server-kill") server_kills_.push_back(fault.at);
    const auto found = fault.op ? hit.find(*fault.op) : hit.end();
    if (found != hit.end() && found->second != nullptr && fault.variant == "with-descendants") {
      crashes_[process_of(found->second->client)].push_back(fault.at);
    }
  }
  for (const AgentLife& life : evidence.lives) {
    if (!life.birth && life.cause == "exit") exits_.try_emplace(life.agent, life.at);
  }
  std::ranges::sort(server_kills_);
  for (auto& [process, times] : crashes_) std::ranges::sort(times);
}

void Endings::request(std::string_view agent, Nanoseconds at) {
  const auto [place, fresh] = requests_.try_emplace(agent, at);
  if (!fresh) place->second = std::min(place->second, at);
}

std::optional<Nanoseconds> Endings::first_request(std::string_view agent) const {
  const auto found = requests_.find(agent);
  if (found == requests_.end()) return std::nullopt;
  return found->second;
}

bool Endings::may_have_ended(std::string_view agent, const Operation* spawn, Nanoseconds at) const {
  const auto requested = first_request(agent);
  if (requested && *requested <= at) return true;
  const auto left = exits_.find(agent);
  if (left != exits_.end() && left->second <= at) return true;
  const Nanoseconds born =
      spawn == nullptr ? std::numeric_limits<Nanoseconds>::min() + kServerDying : spawn->invoked;
  if (any_within(server_kills_, born - kServerDying, at)) return true;
  if (spawn == nullptr) return false;
  // A crash with descendants reaches what its spawner is still starting, and nobody after that:
  // agents have sessions of their own.
  const auto crashed = crashes_.find(process_of(spawn->client));
  return crashed != crashes_.end() &&
         any_within(crashed->second, born, std::min(at, spawn->completed.value_or(at)));
}

const Snapshot* final_snapshot(const Evidence& evidence) {
  for (auto it = evidence.snapshots.rbegin(); it != evidence.snapshots.rend(); ++it) {
    if (it->phase == Phase::kFinal) return &*it;
  }
  return nullptr;
}

std::expected<QuietState, std::string> quiet_state(const Evidence& evidence) {
  if (!evidence.quiescence) return std::unexpected("no quiescent state was observed");
  if (!evidence.quiescence->reached) {
    const std::string& why = evidence.quiescence->why_not;
    return std::unexpected("no quiescent state was reached" + (why.empty() ? why : ": " + why));
  }
  const Snapshot* last = final_snapshot(evidence);
  if (last == nullptr) return std::unexpected("the registry was not read at quiescence");
  if (!last->readable) {
    return std::unexpected("the registry could not be read at quiescence: " + last->error);
  }
  SnapshotCursor cursor;
  for (const Snapshot& snapshot : evidence.snapshots) {
    cursor.apply(snapshot);
    if (&snapshot == last) break;
  }
  return QuietState{&*evidence.quiescence, cursor.agents(), last->at.end};
}

void Recounter::count(const ObservedAgent& agent, std::int64_t sign) {
  const std::int64_t active = is_active(target_, agent.status) ? sign : 0;
  const std::int64_t completed = agent.status == "completed" ? sign : 0;
  for (Recount* recount : {&all_, &by_task_[agent.task]}) {
    recount->total += sign;
    recount->active += active;
    recount->completed += completed;
  }
}

void Recounter::apply(const Snapshot& snapshot) {
  if (!snapshot.readable) return;
  const auto forget = [this](const std::string& id) {
    const ObservedAgent* before = find_record(cursor_.agents(), id);
    if (before != nullptr) count(*before, -1);
  };
  for (const std::string& id : snapshot.removed) forget(id);
  for (const ObservedAgent& agent : snapshot.changed) {
    forget(agent.id);
    count(agent, +1);
  }
  cursor_.apply(snapshot);
}

const ObservedAgent* find_record(const SnapshotCursor::Agents& agents, const std::string& id) {
  const auto found = agents.find(id);
  return found == agents.end() ? nullptr : &found->second;
}

}  // namespace stress::check
