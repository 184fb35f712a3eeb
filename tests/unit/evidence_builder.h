#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/history/codec.h"
#include "harness/history/evidence.h"
#include "harness/history/snapshot_cursor.h"

namespace stress::testing {

/// Writes down a run as a story, in milliseconds. By default of a target that offers everything.
/// Operations with an end are acknowledged; those without died on the way.
class RunStory {
 public:
  RunStory() {
    TargetFacts& target = evidence_.run.target;
    target.name = "example";
    target.live_snapshots = target.has_repair = target.has_dry_run = true;
    target.has_counts = target.has_hierarchy = target.limits_always = true;
    target.active = {"starting", "running", "working", "blocked", "stopping"};
    target.claims_session = {"running", "working", "blocked"};
    target.terminal = {"completed", "error", "failed", "terminated"};
    evidence_.finished = true;
  }

  /// From milliseconds of the story.
  static Nanoseconds ms(std::int64_t milliseconds) { return milliseconds * 1'000'000; }

  TargetFacts& target() { return evidence_.run.target; }
  /// For what has no word of its own below.
  Evidence& raw() { return evidence_; }

  Operation& op(OpKind kind, const std::string& agent, std::int64_t begin,
                std::optional<std::int64_t> end) {
    Operation& op = evidence_.operations.emplace_back();
    op.id = evidence_.operations.size();
    op.kind = kind;
    op.client = "p1.t1";
    op.agent = agent;
    op.invoked = ms(begin);
    if (end) op.completed = ms(*end);
    op.outcome = end ? OpOutcome::kOk : OpOutcome::kInfo;
    return op;
  }
  Operation& spawn(const std::string& agent, std::int64_t begin, std::int64_t end) {
    Operation& made = op(OpKind::kSpawn, agent, begin, end);
    made.task = "T";
    made.type = "worker";
    return made;
  }
  Operation& spawn_crashed(std::int64_t begin) {
    return op(OpKind::kSpawn, "", begin, std::nullopt);
  }
  Operation& update(const std::string& agent, const std::string& field, const std::string& value,
                    std::int64_t begin, std::optional<std::int64_t> end) {
    Operation& made = op(OpKind::kUpdate, agent, begin, end);
    made.writes[field] = value;
    return made;
  }
  Operation& kill(const std::string& agent, std::int64_t begin, std::optional<std::int64_t> end) {
    return op(OpKind::kKill, agent, begin, end);
  }
  Operation& list(std::int64_t begin, std::int64_t end, std::vector<std::string> seen) {
    Operation& made = op(OpKind::kList, "", begin, end);
    made.seen = std::move(seen);
    return made;
  }

  /// The registry's record; new ones are running in `agent_<id>` as process 1000 + their number.
  ObservedAgent& record(const std::string& id) {
    const auto [place, fresh] = registry_.try_emplace(id);
    if (fresh) {
      ObservedAgent& agent = place->second;
      agent.id = id;
      agent.status = "running";
      agent.type = "worker";
      agent.task = "T";
      agent.parent = "orchestrator";
      agent.session = "agent_" + id;
      agent.created = "2024-01-01T00:00:00Z";
      agent.depth = 1;
      agent.version = 1;
      agent.pid = 1000 + static_cast<std::int64_t>(registry_.size());
    }
    return place->second;
  }
  void set(const std::string& id, const std::string& field, const std::string& value) {
    ObservedAgent& agent = record(id);
    (field == "status" ? agent.status : agent.fields[field]) = value;
    ++*agent.version;
  }
  void remove(const std::string& id) { registry_.erase(id); }

  /// A read of the registry as it stands, with right counts.
  Snapshot& snapshot(std::int64_t begin, std::int64_t end, Phase phase = Phase::kStorm) {
    Snapshot& snapshot = evidence_.snapshots.emplace_back();
    snapshot.at = {ms(begin), ms(end)};
    snapshot.phase = phase;
    snapshot.generation = ++generation_;
    std::vector<ObservedAgent> whole;
    whole.reserve(registry_.size());
    for (const auto& [id, agent] : registry_) whole.push_back(agent);
    delta_.fill(snapshot, whole);
    snapshot.counts = {0, 0, 0};
    for (const auto& [id, agent] : registry_) {
      StoredCounts& task =
          snapshot.counts_by_task.try_emplace(agent.task, StoredCounts{0, 0, 0}).first->second;
      for (StoredCounts* counts : {&snapshot.counts, &task}) {
        ++*counts->total;
        *counts->active += target().active.contains(agent.status);
        *counts->completed += agent.status == "completed";
      }
    }
    return snapshot;
  }
  /// One that could not be read.
  Snapshot& damaged(std::int64_t begin, std::int64_t end, const std::string& error) {
    Snapshot& snapshot = evidence_.snapshots.emplace_back();
    snapshot.at = {ms(begin), ms(end)};
    snapshot.readable = false;
    snapshot.error = error;
    return snapshot;
  }

  Fault& fault(const std::string& kind, std::int64_t at, const std::string& agent = "") {
    Fault& fault = evidence_.faults.emplace_back();
    fault.kind = kind;
    fault.at = ms(at);
    fault.agent = agent;
    return fault;
  }
  void birth(const std::string& agent, std::int64_t at, std::int64_t pid = 0) {
    evidence_.lives.push_back({ms(at), agent, pid, true, ""});
  }
  void death(const std::string& agent, std::int64_t at, const std::string& cause,
             std::int64_t pid = 0) {
    evidence_.lives.push_back({ms(at), agent, pid, false, cause});
  }
  RepairRun& repair(const std::string& role, std::int64_t begin, std::int64_t end) {
    RepairRun& run = evidence_.repairs.emplace_back();
    run.at = {ms(begin), ms(end)};
    run.role = role;
    run.reported = 0;
    return run;
  }

  /// The end of a good run: dry run, repair, second repair, bystander, the registry as it stands,
  /// and a living session and agent for each active record.
  Quiescence& quiet(std::int64_t at) {
    repair("dry-run", at, at + 1);
    repair("repair", at + 2, at + 3);
    repair("second", at + 4, at + 5);
    evidence_.bystanders.push_back({"canary-session", "canary", "same", "same"});
    snapshot(at + 6, at + 7, Phase::kFinal);
    Quiescence& quiescence = evidence_.quiescence.emplace();
    quiescence.reached = true;
    for (const auto& [id, agent] : registry_) {
      if (!target().active.contains(agent.status)) continue;
      quiescence.sessions.push_back({agent.session, id, true, *agent.pid, true});
      quiescence.living_agents[id] = {*agent.pid};
    }
    return quiescence;
  }

  /// The run so far, in order of time.
  [[nodiscard]] Evidence evidence() const {
    Evidence sorted = evidence_;
    std::ranges::stable_sort(sorted.operations, {}, &Operation::invoked);
    std::ranges::stable_sort(sorted.faults, {}, &Fault::at);
    std::ranges::stable_sort(sorted.lives, {}, &AgentLife::at);
    return sorted;
  }

 private:
  Evidence evidence_;
  std::map<std::string, ObservedAgent> registry_;
  SnapshotDelta delta_;
  std::uint64_t generation_ = 0;
};

/// A correct run with all that makes judging hard: concurrency, a crash, a kill, a lost session and
/// its repair.
///   a: working; b: killed; c: its session was killed, repair marked it failed; d: from a spawn
///   whose process was killed before it could reply; e: child of a.
inline RunStory good_run() {
  RunStory run;
  run.snapshot(0, 1, Phase::kSetup);
  run.spawn("a", 2, 10);
  run.spawn("b", 3, 12);
  run.spawn("c", 3, 11);
  run.birth("a", 8, 1001);
  run.birth("b", 9, 1002);
  run.birth("c", 9, 1003);
  run.record("a");
  run.record("b").status = "starting";
  run.record("c");
  run.snapshot(11, 12);
  run.set("b", "status", "running");
  run.spawn_crashed(12);
  Fault& crash = run.fault("crash", 16);
  crash.cls = "write-mid";
  crash.variant = "process";
  crash.op = 4;
  run.record("d");
  run.birth("d", 15, 1004);
  run.update("a", "message", "op-5", 17, 20);
  run.update("a", "message", "op-6", 18, std::nullopt);  // dies; happens to take effect
  run.set("a", "message", "op-6");
  run.snapshot(21, 22);
  run.update("a", "status", "working", 23, 25);
  run.set("a", "status", "working");
  run.kill("b", 24, 30);
  run.set("b", "status", "stopping");
  run.snapshot(26, 27);
  run.death("b", 28, "SIGHUP", 1002);
  run.set("b", "status", "terminated");
  Operation& child = run.spawn("e", 31, 36);
  child.parent = "a";
  run.record("e").parent = "a";
  run.record("e").depth = 2;
  run.birth("e", 34, 1005);
  run.list(37, 38, {"a", "b", "c", "d", "e"});
  run.fault("session-kill", 40, "c");
  run.death("c", 41, "SIGHUP", 1003);
  run.snapshot(42, 43, Phase::kBeforeRepair);
  run.set("c", "status", "failed");
  run.quiet(50);
  return run;
}

}  // namespace stress::testing
