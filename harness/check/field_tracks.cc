#include "harness/check/field_tracks.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace stress::check {
namespace {

constexpr std::size_t kOpen = std::numeric_limits<std::size_t>::max();

/// When an operation can no longer take effect.
Nanoseconds end_of(const Operation& op) {
  return op.completed.value_or(op.died.value_or(kForEver));
}

void lower(std::optional<Nanoseconds>& least, Nanoseconds at) {
  least = std::min(least.value_or(at), at);
}

std::string_view value_of(const ObservedAgent& record, const std::string& field) {
  const auto found = record.fields.find(field);
  return found == record.fields.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

FieldTracks::FieldTracks(const Evidence& evidence)
    : target_(evidence.run.target), damage_(evidence) {
  std::set<std::string> names;
  for (const Operation& op : evidence.operations) {
    if (op.kind != OpKind::kUpdate) continue;
    for (const auto& [field, value] : op.writes) names.insert(field);
  }
  names.erase(fields_.front());
  fields_.insert(fields_.end(), names.begin(), names.end());
  observed_.assign(fields_.size(), false);
  observed_[kStatus] = true;
  asked_.resize(fields_.size());
  collect_operations(evidence);
  collect_ends(evidence);
  collect_reads(evidence);
}

AgentTrack& FieldTracks::track(std::string_view id) {
  const auto [place, fresh] = index_.try_emplace(id, agents_.size());
  if (fresh) {
    AgentTrack& agent = agents_.emplace_back();
    agent.id = id;
    agent.first_seen = kOpen;
    agent.registers.resize(fields_.size());
  }
  return agents_[place->second];
}

void FieldTracks::collect_operations(const Evidence& evidence) {
  for (const auto& [id, spawn] : acked_spawns(evidence)) track(id).spawn = spawn;
  for (const Operation& op : evidence.operations) {
    const bool acknowledged = op.outcome == OpOutcome::kOk && op.completed;
    if (op.kind == OpKind::kSpawn && op.outcome == OpOutcome::kInfo) {
      lower(first_unknown_spawn_, op.invoked);
    }
    if (op.kind == OpKind::kUpdate) {
      for (std::size_t i = 0; i < fields_.size(); ++i) {
        const auto write = op.writes.find(fields_[i]);
        if (write == op.writes.end()) continue;
        asked_[i].try_emplace(write->second, &op);
        if (op.outcome == OpOutcome::kRefused) continue;
        Register& reg = track(op.agent).registers[i];
        reg.writes[write->second].add({op.invoked, end_of(op), &op});
        if (acknowledged) reg.required.add(op);
      }
    }
    if (op.kind == OpKind::kKill && op.outcome != OpOutcome::kRefused) {
      AgentTrack& agent = track(op.agent);
      agent.kill_writes.push_back({op.invoked, end_of(op), &op});
      if (acknowledged) agent.kills.add(op);
    }
    const bool writes = op.kind == OpKind::kUpdate || op.kind == OpKind::kKill;
    if (!writes || op.outcome == OpOutcome::kRefused) continue;
    if (!acknowledged) ++of_unknown_outcome_;
    if (acknowledged) ++(op.kind == OpKind::kUpdate ? updates_acknowledged_ : kills_acknowledged_);
  }
  for (AgentTrack& agent : agents_) {
    agent.kills.sort();
    for (Register& reg : agent.registers) {
      reg.required.sort();
      for (auto& [value, writes] : reg.writes) writes.sort();
    }
  }
}

void FieldTracks::collect_ends(const Evidence& evidence) {
  const auto ended = [this](std::string_view agent, Nanoseconds at) {
    const auto [place, fresh] = ends_.try_emplace(agent, at);
    if (!fresh) place->second = std::min(place->second, at);
  };
  for (const Fault& fault : evidence.faults) {
    if (!fault.injected) continue;
    if (fault.kind == "session-kill") ended(fault.agent, fault.at);
    if (fault.kind == "server-kill") lower(any_end_, fault.at);
  }
  for (const AgentLife& life : evidence.lives) {
    if (!life.birth) ended(life.agent, life.at);
  }
  for (const RepairRun& run : evidence.repairs) {
    if (run.role.starts_with("dry-run")) continue;
    repairs_.push_back(run.at);
    lower(any_end_, run.at.begin);
  }
}

void FieldTracks::collect_reads(const Evidence& evidence) {
  const auto close = [](AgentTrack& agent, std::size_t last) {
    for (Register& reg : agent.registers) {
      if (!reg.runs.empty() && reg.runs.back().last == kOpen) reg.runs.back().last = last;
    }
  };
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (!snapshot.readable) continue;
    reads_.push_back(snapshot.at);
    for (const std::string& id : snapshot.removed) close(track(id), reads_.size() - 2);
    for (const ObservedAgent& record : snapshot.changed) read_agent(record);
  }
  for (AgentTrack& agent : agents_) close(agent, reads_.size() - 1);
  std::erase_if(agents_, [](const AgentTrack& agent) { return agent.first_seen == kOpen; });
  index_.clear();
}

void FieldTracks::read_agent(const ObservedAgent& record) {
  AgentTrack& agent = track(record.id);
  const std::size_t now = reads_.size() - 1;
  if (agent.first_seen == kOpen) agent.first_seen = now;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (record.fields.contains(fields_[i])) observed_[i] = true;
    const std::string_view value = i == kStatus ? record.status : value_of(record, fields_[i]);
    std::vector<ValueRun>& runs = agent.registers[i].runs;
    if (!runs.empty() && runs.back().last == kOpen) {
      if (runs.back().value == value) continue;
      runs.back().last = now - 1;
    }
    runs.push_back({value, now, kOpen, &record});
  }
}

std::size_t FieldTracks::first_read_after(Nanoseconds at) const {
  const auto found = std::ranges::upper_bound(
      reads_, at, {}, [](const Interval& interval) { return interval.begin; });
  return static_cast<std::size_t>(found - reads_.begin());
}

bool FieldTracks::is_asked(std::string_view status) const {
  return asked_[kStatus].contains(status);
}

bool FieldTracks::is_terminal(std::string_view status) const {
  return target_.terminal.contains(std::string(status));
}

const Operation* FieldTracks::writer_elsewhere(std::size_t field, std::string_view value,
                                               std::string_view agent) const {
  const auto found = asked_[field].find(value);
  if (found == asked_[field].end() || found->second->agent == agent) return nullptr;
  return found->second;
}

bool FieldTracks::names_its_writer(std::size_t field, std::string_view value) const {
  const auto found = asked_[field].find(value);
  return found != asked_[field].end() && value == fmt::format("op-{}", found->second->id);
}

std::optional<Nanoseconds> FieldTracks::ended_since(std::string_view agent) const {
  std::optional<Nanoseconds> since = any_end_;
  const auto own = ends_.find(agent);
  if (own != ends_.end()) lower(since, own->second);
  return since;
}

Nanoseconds FieldTracks::spawn_writes_until(const AgentTrack& agent) const {
  const bool acknowledged = agent.spawn != nullptr && !target_.idempotent_spawn;
  if (acknowledged) return *agent.spawn->completed;
  const Nanoseconds seen = read(agent.first_seen).end;
  return first_unknown_spawn_ && *first_unknown_spawn_ <= seen ? kForEver : seen;
}

}  // namespace stress::check
