#include <algorithm>
#include <utility>

#include "orchestrator/core/diagnosis_parts.h"
#include "orchestrator/core/sessions.h"

// Policy: a session or a record is judged only where both listings agree about it; what they
// disagree about is in motion, and the next look will tell. What cannot be known is said once and
// never acted upon.

namespace orc {
namespace {

using base::Liveness;

Problem about(FindingKind kind, const Agent& agent, std::string message) {
  Problem problem;
  problem.finding.kind = kind;
  problem.finding.agent_id = agent.id;
  problem.finding.session = agent.session ? agent.session->name : std::string();
  problem.finding.message = std::move(message);
  problem.agent = agent;
  return problem;
}

Problem about(FindingKind kind, const Agent& agent, std::string message, Fix fix,
              std::string repair) {
  Problem problem = about(kind, agent, std::move(message));
  problem.fix = fix;
  problem.finding.repair = std::move(repair);
  return problem;
}

const Session* find_attempt(const Listing& listing, const Workspace& workspace,
                            const Agent& agent) {
  const auto hit = std::ranges::find_if(listing.sessions, [&](const Session& session) {
    return session.workspace == workspace.config().workspace_id && session.attempt == agent.attempt;
  });
  return agent.attempt.empty() || hit == listing.sessions.end() ? nullptr : &*hit;
}

bool lists(const Listing& listing, const SessionIdentity& session) {
  return std::ranges::any_of(listing.sessions,
                             [&](const Session& listed) { return listed.identity == session; });
}

/// Whether a listed session or another active agent has this process too: then it is theirs.
bool is_anothers(const Observation& seen, const Agent& agent,
                 const base::ProcessIdentity& process) {
  return std::ranges::any_of(
             seen.after.sessions,
             [&](const Session& session) { return session.identity.process == process; }) ||
         std::ranges::any_of(seen.active, [&](const Agent& other) {
           return other.id != agent.id && other.session && other.session->process == process;
         });
}

enum class Presence { kThere, kGone, kMoving, kUnknown };

/// Whether a claimed session exists. An imported one is a mere name: it is gone when no session
/// bears it, and whoever bears it is none of ours to judge.
Presence presence(const Workspace& workspace, const Observation& seen,
                  const SessionIdentity& session) {
  if (!session.server && !session.process) {
    const bool named = std::ranges::any_of(seen.after.sessions, [&](const Session& listed) {
      return listed.identity.name == session.name;
    });
    return named ? Presence::kThere : Presence::kGone;
  }
  // A session cannot outlive its server, though its process can.
  if (session.server && base::liveness(*session.server) == Liveness::kDead) return Presence::kGone;
  const Liveness before = workspace.host().liveness(seen.before, session);
  const Liveness after = workspace.host().liveness(seen.after, session);
  if (before == Liveness::kUnknown || after == Liveness::kUnknown) return Presence::kUnknown;
  if (before != after) return Presence::kMoving;
  return after == Liveness::kDead ? Presence::kGone : Presence::kThere;
}

void diagnose_starting(const Workspace& workspace, const Observation& seen, const Agent& agent,
                       std::vector<Problem>& out) {
  if (!abandoned(agent, base::wall_now())) return;
  const bool orphaned = !agent.owner || base::liveness(*agent.owner) == Liveness::kDead;
  const std::string why = fmt::format("agent {} is {} and {}", agent.id, to_string(agent.status),
                                      orphaned ? "its spawner is dead" : "its deadline has passed");
  const Session* before = find_attempt(seen.before, workspace, agent);
  const Session* after = find_attempt(seen.after, workspace, agent);
  if ((before == nullptr) != (after == nullptr)) return;
  const Liveness process = after != nullptr && after->identity.process
                               ? base::liveness(*after->identity.process)
                               : Liveness::kDead;
  if (orphaned && process == Liveness::kUnknown) {
    out.push_back(about(FindingKind::kUnknown, agent,
                        why + "; whether its session's process lives cannot be known"));
  } else if (orphaned && process == Liveness::kAlive) {
    out.push_back(about(FindingKind::kStaleStarting, agent, why + ", but its session runs",
                        Fix::kAdopt, "adopt the session"));
    out.back().session = after->identity;
    out.back().finding.session = after->identity.name;
  } else {
    out.push_back(about(FindingKind::kStaleStarting, agent, why, Fix::kFence,
                        "mark it failed and end what comes up for it"));
  }
}

/// A pid that was recycled is reported beside the ghost, so that nobody takes it for the agent.
void diagnose_reused_pid(const Agent& agent, std::vector<Problem>& out) {
  const base::ProcessIdentity& self = base::self_identity();
  const base::ProcessIdentity& recorded = *agent.session->process;
  if (recorded.machine != self.machine || recorded.boot != self.boot ||
      recorded.pid_namespace != self.pid_namespace) {
    return;
  }
  const auto now = base::identify(recorded.pid);
  if (!now || *now == recorded) return;
  out.push_back(about(
      FindingKind::kReusedPid, agent,
      fmt::format("pid {} of agent {} belongs to another process now", recorded.pid, agent.id),
      Fix::kFail, "mark the agent failed, leave that process alone"));
}

void diagnose_claim(const Workspace& workspace, const Observation& seen, const Agent& agent,
                    std::vector<Problem>& out) {
  if (!agent.session) {
    out.push_back(
        about(FindingKind::kGhost, agent,
              fmt::format("agent {} is {} without any session", agent.id, to_string(agent.status)),
              Fix::kFail, "mark it failed"));
    return;
  }
  switch (presence(workspace, seen, *agent.session)) {
    case Presence::kThere:
    case Presence::kMoving:
      return;
    case Presence::kUnknown:
      out.push_back(about(FindingKind::kUnknown, agent,
                          fmt::format("whether session {} of agent {} lives cannot be known",
                                      agent.session->name, agent.id)));
      return;
    case Presence::kGone:
      break;
  }
  const bool survivor =
      agent.session->process && base::liveness(*agent.session->process) == Liveness::kAlive;
  out.push_back(about(
      FindingKind::kGhost, agent,
      fmt::format("agent {} is {}, but its session {} is gone{}", agent.id, to_string(agent.status),
                  agent.session->name, survivor ? " (its process lives on)" : ""),
      Fix::kFail, survivor ? "kill its process, mark it failed" : "mark it failed"));
  if (survivor) out.back().process = agent.session->process;
  if (agent.session->process) diagnose_reused_pid(agent, out);
}

void diagnose_agent(const Workspace& workspace, const Observation& seen, const Agent& agent,
                    std::vector<Problem>& out) {
  if (agent.status == AgentStatus::kStopping) {
    if (!abandoned(agent, base::wall_now())) return;
    out.push_back(about(FindingKind::kStaleStopping, agent,
                        fmt::format("agent {} is stopping, and nobody is at it", agent.id),
                        Fix::kFinishStop, "end its session, mark it terminated"));
  } else if (unconfirmed(agent)) {
    diagnose_starting(workspace, seen, agent, out);
  } else {
    diagnose_claim(workspace, seen, agent, out);
  }
}

void diagnose_orphans(const Workspace& workspace, const Observation& seen,
                      std::vector<Problem>& out) {
  for (const Session& session : seen.after.sessions) {
    if (session.workspace != workspace.config().workspace_id) continue;
    if (!lists(seen.before, session.identity)) continue;
    const bool wanted = std::ranges::any_of(seen.active, [&](const Agent& agent) {
      return (!agent.attempt.empty() && agent.attempt == session.attempt) ||
             (agent.session && *agent.session == session.identity);
    });
    if (wanted) continue;
    Problem problem;
    problem.finding.kind = FindingKind::kOrphan;
    problem.finding.session = session.identity.name;
    problem.finding.message =
        fmt::format("session {} is ours, but no active agent has it", session.identity.name);
    problem.finding.repair = "end it";
    problem.fix = Fix::kEndSession;
    problem.session = session.identity;
    out.push_back(std::move(problem));
  }
}

/// Two claims on one living session: its mark says whose it is. Ghosts are left out.
void diagnose_duplicate_sessions(const Observation& seen, std::vector<Problem>& out) {
  for (const Session& session : seen.after.sessions) {
    if (session.workspace.empty()) continue;
    const auto claims = [&](const Agent& agent) {
      return claims_session(agent.status) && agent.session && *agent.session == session.identity;
    };
    if (std::ranges::count_if(seen.active, claims) < 2) continue;
    const bool decided = std::ranges::count_if(seen.active, [&](const Agent& agent) {
                           return claims(agent) && agent.attempt == session.attempt;
                         }) == 1;
    for (const Agent& agent : seen.active) {
      if (!claims(agent) || (decided && agent.attempt == session.attempt)) continue;
      out.push_back(about(FindingKind::kDuplicateSession, agent,
                          fmt::format("agent {} claims session {}, and so does another agent",
                                      agent.id, session.identity.name)));
      if (!decided) continue;
      out.back().fix = Fix::kFail;
      out.back().finding.repair = "mark it failed: the session is marked as the other's";
    }
  }
}

Problem undecided(std::string message) {
  Problem problem;
  problem.finding.kind = FindingKind::kUnknown;
  problem.finding.message = std::move(message);
  return problem;
}

}  // namespace

void diagnose_sessions(const Workspace& workspace, const Observation& seen,
                       std::vector<Problem>& out) {
  if (seen.host_error) {
    out.push_back(
        undecided("no agent could be compared with its session: " + seen.host_error->message));
    return;
  }
  if (!seen.host_is_steady()) {
    out.push_back(undecided("the session server was replaced during each look"));
    return;
  }
  for (const Agent& agent : seen.active) diagnose_agent(workspace, seen, agent, out);
  diagnose_orphans(workspace, seen, out);
  diagnose_duplicate_sessions(seen, out);
}

void diagnose_ended(const Observation& seen, const Agent& agent, std::vector<Problem>& out) {
  if (!agent.session || !agent.session->process || !seen.host_is_steady()) return;
  const base::ProcessIdentity& process = *agent.session->process;
  if (base::liveness(process) != Liveness::kAlive) return;
  // An agent that ended after the sessions were listed is not astray.
  const bool ended_just_now =
      std::ranges::any_of(seen.active, [&](const Agent& other) { return other.id == agent.id; });
  if (ended_just_now || is_anothers(seen, agent, process)) return;
  out.push_back(about(FindingKind::kStrayProcess, agent,
                      fmt::format("process {} of agent {} lives on though the agent is {}",
                                  process.pid, agent.id, to_string(agent.status)),
                      Fix::kKillProcess, "kill it"));
  out.back().process = process;
}

}  // namespace orc
