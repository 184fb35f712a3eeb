#include "harness/campaign/aftermath.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/campaign/agent_processes.h"
#include "harness/campaign/leftover_files.h"
#include "harness/campaign/poll.h"
#include "harness/campaign/tree_digest.h"
#include "harness/fault/registry_damage.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

using namespace std::chrono_literals;

/// One that outlives its killed spawner may still make a session. It does not look different from a
/// server by its arguments, but it calls itself so.
bool is_tmux_client(const Group::Member& member) {
  if (!member.command.starts_with("tmux ")) return false;
  return base::read_file(fmt::format("/proc/{}/comm", member.pid)).value_or("") == "tmux: client\n";
}

std::string render(const ObservedAgent& agent) {
  std::string text = fmt::format("{} {} session {} pid {}", agent.id, agent.status, agent.session,
                                 agent.pid.value_or(0));
  if (agent.version) text += fmt::format(" version {}", *agent.version);
  for (const auto& [name, value] : agent.fields) text += fmt::format(" {}={}", name, value);
  return text;
}

}  // namespace

bool Aftermath::quiesce(const Engine& engine, std::chrono::milliseconds timeout) {
  std::string moving;
  const bool quiet = poll_until(timeout, [&] {
    if (engine.running() > 0 || engine.descendants_alive()) {
      moving = "a spawner or a child of one is still running";
      return false;
    }
    for (const Group::Member& member : group_.members()) {
      if (!target_.in_transit(member.command) && !is_tmux_client(member)) continue;
      moving = fmt::format("process {} is still at work: {}", member.pid, member.command);
      return false;
    }
    return true;
  });
  if (!quiet) {
    collector_.trouble("no quiescence: " + moving);
    return false;
  }
  for (int round_trip = 0; round_trip < 2; ++round_trip) {
    SessionsView view = probe_.look();
    view.phase = Phase::kBeforeRepair;
    if (!view.answered) {
      collector_.trouble("no quiescence: the session host did not answer");
      return false;
    }
    collector_.with([&](Evidence& e) { e.session_views.push_back(std::move(view)); });
  }
  return true;
}

std::optional<Aftermath::Healthy> Aftermath::healthy_now(Phase phase) {
  const TargetFacts facts = target_.facts();
  const SessionsView view = probe_.look();
  const Observation registry = snapshots_.take(phase);
  if (!view.answered || !registry.readable) return std::nullopt;
  const bool sessions_are_recorded = std::ranges::any_of(
      registry.agents, [](const ObservedAgent& agent) { return !agent.session.empty(); });
  const bool pids_are_recorded = std::ranges::any_of(
      registry.agents, [](const ObservedAgent& agent) { return agent.pid.has_value(); });
  Healthy result;
  for (const ObservedAgent& agent : registry.agents) {
    if (!facts.claims_session.contains(agent.status)) continue;
    // What its killed spawner could not record any more, the repair may.
    if (agent.session.empty() && sessions_are_recorded) continue;
    if (!agent.pid && pids_are_recorded) continue;
    const auto session = std::ranges::find_if(view.sessions, [&](const ObservedSession& one) {
      return agent.session.empty() ? one.agent == agent.id : one.name == agent.session;
    });
    if (session == view.sessions.end() || !session->alive || !session->marked) continue;
    if (agent.pid && *agent.pid != session->pid) continue;
    result[agent.id] = render(agent) + fmt::format(" pane {}", session->pid);
  }
  return result;
}

std::optional<Aftermath::Healthy> Aftermath::healthy(Phase phase) {
  std::optional<Healthy> first = healthy_now(phase);
  const std::optional<Healthy> second = healthy_now(phase);
  if (!first || !second) return std::nullopt;
  std::erase_if(*first, [&](const auto& entry) {
    const auto again = second->find(entry.first);
    return again == second->end() || again->second != entry.second;
  });
  return first;
}

void Aftermath::run_repair(const std::string& role, bool dry_run) {
  const auto logs = target_.declared_logs();
  const TreeDigest before = digest_tree(place_.workspace, logs);
  RepairRun run;
  run.role = role;
  run.at.begin = base::monotonic_ns();
  const RepairReply reply = target_.repair(dry_run);
  run.at.end = base::monotonic_ns();
  run.ok = reply.ok;
  run.error = reply.error;
  run.reported = reply.reported;
  run.changed_paths = difference(before, digest_tree(place_.workspace, logs));
  collector_.with([&](Evidence& evidence) { evidence.repairs.push_back(std::move(run)); });
}

void Aftermath::damage(const std::string& kind) {
  if (kind == "none") return;
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "registry-damage";
  fault.cls = kind;
  fault.detail = target_.observer().map().file.string();
  snapshots_.expect_damage();
  if (base::Status done = damage_file(target_.observer().map().file, kind); !done) {
    collector_.trouble(done.error().message);
    return;
  }
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(fault); });
  snapshots_.take(Phase::kBeforeRepair);
  if (target_.facts().has_dry_run) run_repair("dry-run-damaged", true);
}

void Aftermath::repair() {
  const TargetFacts facts = target_.facts();
  if (!facts.has_repair) return;
  const std::optional<Healthy> before = healthy(Phase::kBeforeRepair);
  if (facts.has_dry_run) run_repair("dry-run", true);
  run_repair("repair", false);
  run_repair("second", false);
  if (!before) return;  // a damaged registry, by our own hand or not: its agents are not known
  const std::optional<Healthy> after = healthy(Phase::kFinal);
  if (!after) {
    collector_.trouble("what the repair left could not be looked at");
    return;
  }
  for (const auto& [agent, text] : *before) {
    const auto found = after->find(agent);
    const Bystander bystander{"agent", agent, text,
                              found == after->end() ? "no longer healthy" : found->second};
    collector_.with([&](Evidence& evidence) { evidence.bystanders.push_back(bystander); });
  }
}

void Aftermath::let_ended_sessions_go() {
  poll_until(2s, [&] {
    const SessionsView view = probe_.look();
    return view.answered && std::ranges::all_of(view.sessions, [](const ObservedSession& session) {
             return !session.marked || session.alive;
           });
  });
}

void Aftermath::let_agents_be_born() {
  poll_until(5s, [&] {
    const auto living = living_agents(group_, place_.agent_log, snapshots_.names());
    const SessionsView view = probe_.look();
    return living && view.answered &&
           std::ranges::all_of(view.sessions, [&](const ObservedSession& session) {
             return !session.marked || !session.alive || session.agent.empty() ||
                    living->contains(session.agent);
           });
  });
}

void Aftermath::observe() {
  let_ended_sessions_go();
  Quiescence quiescence;
  const bool agents_report = target_.facts().agents_report;
  if (agents_report) let_agents_be_born();
  for (int attempt = 0; attempt < 3 && !quiescence.reached; ++attempt) {
    SessionsView first = probe_.look();
    snapshots_.take(Phase::kFinal);
    base::Result<std::map<std::string, std::vector<std::int64_t>>> living;
    if (agents_report) living = living_agents(group_, place_.agent_log, snapshots_.names());
    SessionsView second = probe_.look();
    first.attempt = second.attempt = attempt;
    if (!first.answered || !second.answered) {
      quiescence.why_not = "the session host did not answer";
    } else if (!living) {
      quiescence.why_not = living.error().message;
    } else if (first.sessions != second.sessions) {
      quiescence.why_not = "sessions changed between two looks";
    } else {
      quiescence.reached = true;
      quiescence.why_not.clear();
      quiescence.sessions = second.sessions;
      quiescence.living_agents = *std::move(living);
    }
    collector_.with([&](Evidence& evidence) {
      evidence.session_views.push_back(std::move(first));
      evidence.session_views.push_back(std::move(second));
    });
  }
  collector_.with([&](Evidence& evidence) { evidence.quiescence = std::move(quiescence); });
}

void Aftermath::keep_registry(const std::filesystem::path& copy) {
  const Observer& observer = target_.observer();
  std::error_code ignored;
  if (!observer.map().file.empty()) {
    std::filesystem::copy_file(observer.map().file, copy, ignored);
  } else if (base::Status kept = base::replace_file(copy, observer.observe().bytes); !kept) {
    collector_.trouble(kept.error().message);
  }
}

void Aftermath::shut_down(std::chrono::milliseconds timeout) {
  std::vector<Group::Member> left;
  const base::Status target_told = target_.shut_down();
  base::Status told;
  // Twice: a server that was told once and lives on is no fault of the target's.
  for (int attempt = 0; attempt < 2; ++attempt) {
    base::Status answer = probe_.shut_down();
    if (attempt == 0) told = std::move(answer);
    const bool empty = poll_until(timeout / 2, [&] {
      left = group_.members();
      return left.empty();
    });
    if (empty) break;
  }
  if (!told && !left.empty()) collector_.trouble(told.error().message);
  if (!target_told && !left.empty()) collector_.trouble(target_told.error().message);
  // A process is no member from the moment that it begins to exit; its files close a little later.
  std::vector<Leftover> leftovers;
  poll_until(timeout / 4, [&] {
    leftovers = find_leftover_files(place_);
    return std::ranges::none_of(leftovers, [](const Leftover& leftover) {
      return leftover.kind == "socket" || leftover.kind == "lock";
    });
  });
  for (const Group::Member& member : left) {
    leftovers.push_back({"process", fmt::format("process {}: {}", member.pid, member.command)});
  }
  const SessionsView last_look = probe_.look();
  if (!last_look.answered) collector_.trouble("the session host did not say what is left");
  for (const ObservedSession& session : last_look.sessions) {
    leftovers.push_back(
        {"session", fmt::format("session {} of process {}", session.name, session.pid)});
  }
  collector_.with([&](Evidence& evidence) {
    evidence.leftovers.insert(evidence.leftovers.end(), leftovers.begin(), leftovers.end());
  });
}

}  // namespace stress
