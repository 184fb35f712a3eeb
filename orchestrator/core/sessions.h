#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "orchestrator/core/workspace.h"

/// What spawner, kill and repair do alike about records and their sessions.
namespace orc {

/// How long one session may take to end.
inline constexpr std::chrono::milliseconds kEndTimeout{10'000};
/// How long a `stopping` record belongs to its owner, even a living one.
inline constexpr std::chrono::milliseconds kStopTimeout{60'000};

/// Nobody has confirmed this record's session: it is starting, or its agent reported before its
/// spawner committed. Owner and deadline stand until the commit.
bool unconfirmed(const Agent& agent);

/// Whether nobody can be counted on to finish what this record waits for: its owner is dead or
/// gave up, or its deadline has passed.
bool abandoned(const Agent& agent, base::WallTime now);

/// An imported agent's session: only its name is known, and it bears no mark. It lives on the
/// user's own tmux server as a rule.
bool is_mere_name(const SessionIdentity& session);

/// The sessions of the user's own tmux server; never starts one. Errors: kUnavailable.
base::Result<Listing> list_users_server();

bool has_name(const Listing& listing, std::string_view name);

/// Sets a terminal status, with the reason and the time.
void end_record(Agent& agent, AgentStatus status, std::string reason, base::WallTime now);

/// Ends what may run for this attempt: the recorded session, and any listed one that carries the
/// attempt's mark. `listing` must be younger than the transaction that gave the record up: a
/// session which is not in it cannot run an agent any more, as its gate finds the record given up.
/// Errors: kTimeout, kUnavailable (also: an unmarked session has the recorded name, or that of an
/// imported agent may live on the user's own server, which does not answer).
base::Status end_attempt(const Workspace& workspace, const Listing& listing, const Agent& agent);
/// The same with a listing of its own.
base::Status end_attempt(const Workspace& workspace, const Agent& agent);

/// Second half of a kill. The record is `stopping` and the caller is its owner: ends the session,
/// then writes `terminated`. Where the session cannot be ended the record stays `stopping`, without
/// an owner, so that anyone may try again. Errors: those of end_attempt and of the store;
/// kConflict.
base::Status finish_stopping(const Workspace& workspace, const Agent& agent);

}  // namespace orc
