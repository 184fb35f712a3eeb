#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/core/workspace.h"

namespace orc {

enum class FindingKind {
  kGhost,          ///< running, working or blocked, without its session
  kOrphan,         ///< a session marked as ours without an active record; only reported where no
                   ///< record has ended with its attempt
  kCountMismatch,  ///< stored counts differ from a recount
  kDuplicateId,
  kDuplicateSession,  ///< two active records claim one session
  kBrokenHierarchy,   ///< parent missing or of another task, wrong depth, a cycle
  kStaleStarting,     ///< `starting` whose owner is dead or whose deadline has passed
  kStaleStopping,     ///< `stopping` whose owner is dead
  kStrayProcess,      ///< the agent's process lives on though its record is terminal
  kReusedPid,         ///< a recorded pid now belongs to another process
  kDamagedFile,   ///< the registry, or a single record, is illegible; only the former is repaired
  kLeftoverFile,  ///< a killed writer's temporary file
  kUnknown,       ///< could not be decided (host silent, other machine); never repaired
};

std::string_view to_string(FindingKind kind);

struct ValidatorFinding {
  FindingKind kind;
  std::string agent_id;  ///< may be empty
  std::string session;   ///< may be empty
  std::string message;   ///< one sentence
  std::string repair;    ///< what repair does (or did) about it; empty: nothing, by design
  bool repaired = false;
};

struct ValidatorReport {
  std::vector<ValidatorFinding> findings;
  int agents_checked = 0;
  int sessions_checked = 0;
  bool server_running = false;
};

/// Lists the sessions, reads the registry under the lock, lists again; whatever the two listings
/// disagree about is in motion and left alone. Changes not one byte, lock and log included; works
/// when no server runs. Errors: kUnavailable and others only where nothing at all can be said.
base::Result<ValidatorReport> validate(const Workspace& workspace);

/// validate(), then each repair as a compare and set on status and attempt. Idempotent; touches
/// nothing healthy and nothing foreign. `dry_run`: says what it would do, like validate().
/// Also adopts: a `starting` record of a dead owner whose session is listed with the same attempt
/// becomes running.
base::Result<ValidatorReport> repair(const Workspace& workspace, bool dry_run = false);

}  // namespace orc
