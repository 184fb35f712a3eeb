#pragma once

#include "harness/history/codec.h"
#include "harness/history/event_json.h"

namespace stress::wire {

/// The members of each event on the wire. A default here must equal the struct's own.

void members(auto& io, Like<Interval> auto& v) {
  io.member("begin", v.begin);
  io.member("end", v.end);
}

void members(auto& io, Like<StoredCounts> auto& v) {
  io.member("total", v.total);
  io.member("active", v.active);
  io.member("completed", v.completed);
}

void members(auto& io, Like<ObservedAgent> auto& v) {
  io.member("id", v.id);
  io.member("status", v.status);
  io.member("type", v.type);
  io.member("task", v.task);
  io.member("parent", v.parent);
  io.member("session", v.session);
  io.member("created", v.created);
  io.member("depth", v.depth);
  io.member("version", v.version);
  io.member("pid", v.pid);
  io.member("fields", v.fields);
}

void members(auto& io, Like<ObservedSession> auto& v) {
  io.member("name", v.name);
  io.member("agent", v.agent);
  io.member("marked", v.marked);
  io.member("pid", v.pid);
  io.member("alive", v.alive, true);
}

void members(auto& io, Like<TargetFacts> auto& v) {
  io.member("name", v.name);
  io.member("sessions", v.sessions, "tmux");
  io.member("live_snapshots", v.live_snapshots);
  io.member("has_repair", v.has_repair);
  io.member("has_dry_run", v.has_dry_run);
  io.member("has_counts", v.has_counts);
  io.member("has_hierarchy", v.has_hierarchy);
  io.member("limits_always", v.limits_always);
  io.member("promises_durable", v.promises_durable, true);
  io.member("promises_no_duplicates", v.promises_no_duplicates);
  io.member("removes_records", v.removes_records);
  io.member("keeps_finished_sessions", v.keeps_finished_sessions);
  io.member("idempotent_spawn", v.idempotent_spawn);
  io.member("limits_per_task", v.limits_per_task);
  io.member("agents_report", v.agents_report, true);
  io.member("max_concurrent", v.max_concurrent);
  io.member("max_agents", v.max_agents);
  io.member("max_depth", v.max_depth);
  io.member("loads_per_spawn", v.loads_per_spawn);
  io.member("loads_per_gate", v.loads_per_gate);
  io.member("root_parent", v.root_parent, "orchestrator");
  io.member("active", v.active);
  io.member("claims_session", v.claims_session);
  io.member("terminal", v.terminal);
}

void members(auto& io, Like<RunFacts> auto& v) {
  io.member("seed", v.seed);
  io.member("version", v.version);
  io.member("engine", v.engine);
  io.member("target", v.target);
  io.member("spawns_required", v.spawns_required);
  io.member("counts_loads", v.counts_loads);
}

void members(auto& io, Like<Invocation> auto& v) {
  io.member("id", v.op.id);
  io.member("kind", v.op.kind);
  io.member("client", v.op.client);
  io.member("slot", v.op.slot);
  io.member("replacement", v.op.replacement);
  io.member("duplicate_of", v.op.duplicate_of);
  io.member("task", v.op.task);
  io.member("type", v.op.type);
  io.member("parent", v.op.parent);
  io.member("agent", v.op.agent);
  io.member("writes", v.op.writes);
  io.member("at", v.op.invoked);
  io.member("died", v.op.died);
  io.member("committed", v.op.committed);
  io.member("error", v.op.error);
}

void members(auto& io, Like<Completion> auto& v) {
  io.member("id", v.id);
  io.member("at", v.at);
  io.member("outcome", v.outcome, OpOutcome::kInfo);
  io.member("agent", v.agent);
  io.member("error", v.error);
  io.member("seen", v.seen);
}

void members(auto& io, Like<Fault> auto& v) {
  io.member("at", v.at);
  io.member("kind", v.kind);
  io.member("class", v.cls);
  io.member("variant", v.variant);
  io.member("op", v.op);
  io.member("agent", v.agent);
  io.member("detail", v.detail);
  io.member("injected", v.injected, true);
  io.member("collateral", v.collateral);
}

void members(auto& io, Like<Snapshot> auto& v) {
  io.member("at", v.at);
  io.member("phase", v.phase, Phase::kStorm);
  io.member("readable", v.readable, true);
  io.member("absent", v.absent);
  io.member("error", v.error);
  io.member("excerpt", v.excerpt);
  io.member("harness_damaged", v.harness_damaged);
  io.member("generation", v.generation);
  io.member("changed", v.changed);
  io.member("removed", v.removed);
  io.member("duplicate_ids", v.duplicate_ids);
  io.member("counts", v.counts);
  io.member("counts_by_task", v.counts_by_task);
}

void members(auto& io, Like<SessionsView> auto& v) {
  io.member("at", v.at);
  io.member("phase", v.phase, Phase::kFinal);
  io.member("attempt", v.attempt);
  io.member("answered", v.answered, true);
  io.member("server_running", v.server_running, true);
  io.member("sessions", v.sessions);
}

void members(auto& io, Like<AgentLife> auto& v) {
  io.member("at", v.at);
  io.member("agent", v.agent);
  io.member("pid", v.pid);
  io.member("birth", v.birth, true);
  io.member("cause", v.cause);
}

void members(auto& io, Like<RepairRun> auto& v) {
  io.member("at", v.at);
  io.member("role", v.role);
  io.member("ok", v.ok, true);
  io.member("error", v.error);
  io.member("reported", v.reported);
  io.member("changed_paths", v.changed_paths);
}

void members(auto& io, Like<Bystander> auto& v) {
  io.member("kind", v.kind);
  io.member("name", v.name);
  io.member("before", v.before);
  io.member("after", v.after);
}

void members(auto& io, Like<Leftover> auto& v) {
  io.member("kind", v.kind);
  io.member("detail", v.detail);
}

void members(auto& io, Like<RegistryLoads> auto& v) {
  io.member("op", v.op);
  io.member("locked", v.locked);
  io.member("unlocked", v.unlocked);
}

void members(auto& io, Like<Stall> auto& v) {
  io.member("op", v.op);
  io.member("waited", v.waited);
  io.member("proven", v.proven);
  io.member("detail", v.detail);
}

void members(auto& io, Like<Trouble> auto& v) { io.member("what", v.what); }

void members(auto& io, Like<Quiescence> auto& v) {
  io.member("reached", v.reached);
  io.member("why_not", v.why_not);
  io.member("sessions", v.sessions);
  io.member("living_agents", v.living_agents);
  io.member("in_motion", v.in_motion);
}

void members(auto&, Like<Finished> auto&) {}

}  // namespace stress::wire
