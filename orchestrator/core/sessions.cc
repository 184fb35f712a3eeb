#include "orchestrator/core/sessions.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace orc {
namespace {

using base::Errc;

bool is_stopping_by_us(const Agent& now, const Agent& claimed) {
  return now.status == AgentStatus::kStopping && now.attempt == claimed.attempt &&
         now.owner == claimed.owner;
}

base::Status give_back(const Workspace& workspace, const Agent& agent) {
  const auto commit =
      workspace.store().transact("kill-pending", agent.id, [&](Transaction& tx) -> base::Status {
        auto record = tx.agent(agent.id);
        if (!record) return std::unexpected(record.error());
        if (!is_stopping_by_us(*record, agent)) return {};
        record->owner.reset();
        tx.put(*std::move(record));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

/// A record without marks (an imported one) may only be given up when nothing bears its name.
base::Status check_unmarked(const Listing& listing, const Agent& agent) {
  if (!agent.session) return {};
  const std::string& name = agent.session->name;
  bool there = agent.attempt.empty() && has_name(listing, name);
  if (!there && is_mere_name(*agent.session)) {
    const auto users = list_users_server();
    if (!users) {
      return base::fail_from(
          users.error(),
          fmt::format("whether session {} of agent {} lives cannot be known", name, agent.id));
    }
    there = has_name(*users, name);
  }
  if (!there) return {};
  return base::fail(Errc::kUnavailable,
                    "session {} is not marked as this workspace's: end it by hand, then kill "
                    "agent {} again",
                    name, agent.id);
}

}  // namespace

bool unconfirmed(const Agent& agent) {
  return agent.status == AgentStatus::kStarting ||
         (claims_session(agent.status) && !agent.session && !agent.attempt.empty());
}

bool abandoned(const Agent& agent, base::WallTime now) {
  if (agent.deadline && *agent.deadline < now) return true;
  return !agent.owner || base::liveness(*agent.owner) == base::Liveness::kDead;
}

bool is_mere_name(const SessionIdentity& session) { return !session.server && !session.process; }

base::Result<Listing> list_users_server() {
  return make_tmux_host({.socket = "", .private_server = false})->list();
}

bool has_name(const Listing& listing, std::string_view name) {
  return std::ranges::any_of(listing.sessions,
                             [&](const Session& session) { return session.identity.name == name; });
}

void end_record(Agent& agent, AgentStatus status, std::string reason, base::WallTime now) {
  agent.status = status;
  if (!reason.empty()) agent.reason = std::move(reason);
  agent.updated_at = now;
  agent.ended_at = now;
  agent.deadline.reset();
  agent.owner.reset();
}

base::Status end_attempt(const Workspace& workspace, const Listing& listing, const Agent& agent) {
  SessionHost& host = workspace.host();
  if (auto ok = check_unmarked(listing, agent); !ok) return ok;
  if (agent.session && !is_mere_name(*agent.session)) {
    if (auto ok = host.end(*agent.session, kEndTimeout); !ok) return ok;
  }
  for (const Session& session : listing.sessions) {
    if (agent.attempt.empty() || session.attempt != agent.attempt ||
        session.workspace != workspace.config().workspace_id) {
      continue;
    }
    if (agent.session && session.identity == *agent.session) continue;
    if (auto ok = host.end(session.identity, kEndTimeout); !ok) return ok;
  }
  return {};
}

base::Status end_attempt(const Workspace& workspace, const Agent& agent) {
  const auto listing = workspace.host().list();
  if (!listing) return std::unexpected(listing.error());
  return end_attempt(workspace, *listing, agent);
}

base::Status finish_stopping(const Workspace& workspace, const Agent& agent) {
  if (auto ended = end_attempt(workspace, agent); !ended) {
    std::string context =
        fmt::format("agent {} stays `stopping`, its session was not ended", agent.id);
    if (auto given = give_back(workspace, agent); !given) {
      context +=
          fmt::format(" (nor was it given back before its deadline: {})", given.error().message);
    }
    return base::fail_from(ended.error(), context);
  }
  bool never_up = false;
  const auto commit =
      workspace.store().transact("kill-commit", agent.id, [&](Transaction& tx) -> base::Status {
        auto record = tx.agent(agent.id);
        if (!record) return std::unexpected(record.error());
        if (record->status == AgentStatus::kTerminated) return {};
        if (!is_stopping_by_us(*record, agent)) {
          return base::fail(Errc::kConflict, "agent {} changed while it was stopped: it is {} now",
                            agent.id, to_string(record->status));
        }
        never_up = !record->started_at;
        end_record(*record, AgentStatus::kTerminated, "", base::wall_now());
        tx.put(*std::move(record));
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  if (never_up) {
    // Its spawner may be dead, and then nobody else removes it. What fails here is left to repair.
    std::error_code ignored;
    std::filesystem::remove(workspace.prompt_file(agent.id), ignored);
  }
  return {};
}

}  // namespace orc
