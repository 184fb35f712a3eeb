#include <algorithm>
#include <string>
#include <unordered_set>
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
/// bears it, neither here nor on the user's own server, and whoever bears it is none of ours to
/// judge.
Presence presence(const Workspace& workspace, const Observation& seen,
                  const SessionIdentity& session) {
  if (is_mere_name(session)) {
    if (has_name(seen.after, session.name) || has_name(seen.users, session.name)) {
      return Presence::kThere;
    }
    return seen.users_error ? Presence::kUnknown : Presence::kGone;
  }
  // A session cannot outlive its server, though its process can.
  if (session.server && base::liveness(*session.server) == Liveness::kDead) return Presence::kGone;
  const Liveness before = workspace.host().liveness(seen.before, session);
  const Liveness after = workspace.host().liveness(seen.after, session);
  if (before == Liveness::kUnknown || after == Liveness::kUnknown) return Presence::kUnknown;
  if (before != after) return Presence::kMoving;
  return after == Liveness::kDead ? Presence::kGone : Presence::kThere;
}

Problem presence_unknown(const Agent& agent) {
  return about(FindingKind::kUnknown, agent,
               fmt::format("whether session {} of agent {} lives cannot be known",
                           agent.session->name, agent.id));
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

/// The agent is gone. Its session may be there all the same, where its pane is kept or somebody has
/// split it: it goes in the same repair, or the next one would find an orphan.
Problem ghost(const Workspace& workspace, const Observation& seen, const Agent& agent) {
  const bool survivor =
      agent.session->process && base::liveness(*agent.session->process) == Liveness::kAlive;
  const Session* left = find_attempt(seen.before, workspace, agent) == nullptr
                            ? nullptr
                            : find_attempt(seen.after, workspace, agent);
  std::string what = fmt::format("agent {} is {}, but ", agent.id, to_string(agent.status));
  what += left != nullptr
              ? fmt::format("it is not what runs in session {} any more", left->identity.name)
              : fmt::format("its session {} is gone", agent.session->name);
  std::string cure = "mark it failed";
  if (survivor) {
    what += " (its process lives on)";
    cure = "kill its process, " + cure;
  }
  if (left != nullptr) cure += ", end what is left of its session";
  Problem problem = about(FindingKind::kGhost, agent, std::move(what), Fix::kFail, std::move(cure));
  if (survivor) problem.process = agent.session->process;
  if (left != nullptr) problem.session = left->identity;
  return problem;
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
      out.push_back(presence_unknown(agent));
      return;
    case Presence::kGone:
      break;
  }
  out.push_back(ghost(workspace, seen, agent));
  if (agent.session->process) diagnose_reused_pid(agent, out);
}

void diagnose_stopping(const Workspace& workspace, const Observation& seen, const Agent& agent,
                       std::vector<Problem>& out) {
  if (!abandoned(agent, base::wall_now())) return;
  const std::string what = fmt::format("agent {} is stopping, and nobody is at it", agent.id);
  const Presence imported = agent.session && is_mere_name(*agent.session)
                                ? presence(workspace, seen, *agent.session)
                                : Presence::kGone;
  if (imported == Presence::kUnknown) {
    out.push_back(presence_unknown(agent));
  } else if (imported == Presence::kThere) {
    out.push_back(about(FindingKind::kStaleStopping, agent,
                        what + fmt::format("; session {} is not marked as ours: end it by hand",
                                           agent.session->name)));
  } else {
    out.push_back(about(FindingKind::kStaleStopping, agent, what, Fix::kFinishStop,
                        "end its session, mark it terminated"));
  }
}

void diagnose_agent(const Workspace& workspace, const Observation& seen, const Agent& agent,
                    std::vector<Problem>& out) {
  // An imported agent that was starting has a session, and nobody who would confirm it.
  const bool imported = agent.session && is_mere_name(*agent.session);
  if (agent.status == AgentStatus::kStopping) {
    diagnose_stopping(workspace, seen, agent, out);
  } else if (unconfirmed(agent) && !imported) {
    diagnose_starting(workspace, seen, agent, out);
  } else {
    diagnose_claim(workspace, seen, agent, out);
  }
}

/// What the registry tells of attempts that are over.
struct PastAttempts {
  std::unordered_set<std::string> ended;
  bool all_told = true;  ///< no record is illegible or one of two
};

PastAttempts past_attempts(const Observation& seen) {
  PastAttempts past;
  for (const AgentEntry& entry : seen.later->agents()) {
    const auto agent = seen.later->agent(entry.id);
    if (!agent || seen.duplicate_ids.contains(entry.id)) {
      past.all_told = false;
    } else if (is_terminal(agent->status)) {
      past.ended.insert(agent->attempt);
    }
  }
  return past;
}

/// An attempt is recorded before its session is made, and no record is ever removed. So where none
/// has ended with this attempt the session is not ours to end: this may be a copy of the workspace
/// or an older state of it, or the record may be one that cannot be read.
Problem orphan(const Session& session, const PastAttempts& past) {
  const std::string& name = session.identity.name;
  Problem problem;
  problem.finding.kind = FindingKind::kOrphan;
  problem.finding.session = name;
  if (!session.attempt.empty() && past.ended.contains(session.attempt)) {
    problem.finding.message = fmt::format("session {} is ours, but no active agent has it", name);
    problem.finding.repair = "end it";
    problem.fix = Fix::kEndSession;
    problem.session = session.identity;
  } else if (past.all_told) {
    problem.finding.message = fmt::format(
        "session {} is marked as ours, but no record of this registry has it: end it by hand",
        name);
  } else {
    problem.finding.kind = FindingKind::kUnknown;
    problem.finding.message = fmt::format(
        "whether the agent of session {} has ended cannot be known: not every record is legible",
        name);
  }
  return problem;
}

void diagnose_orphans(const Workspace& workspace, const Observation& seen,
                      std::vector<Problem>& out) {
  std::optional<PastAttempts> past;
  for (const Session& session : seen.after.sessions) {
    if (session.workspace != workspace.config().workspace_id) continue;
    if (!lists(seen.before, session.identity)) continue;
    const bool wanted = std::ranges::any_of(seen.active, [&](const Agent& agent) {
      return (!agent.attempt.empty() && agent.attempt == session.attempt) ||
             (agent.session && *agent.session == session.identity);
    });
    if (wanted) continue;
    if (!past) past = past_attempts(seen);  // parses every record, so only where it is asked for
    out.push_back(orphan(session, *past));
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
