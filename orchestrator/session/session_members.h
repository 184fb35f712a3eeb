#pragma once

#include <chrono>
#include <vector>

#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/unique_fd.h"

namespace orc {

/// The living processes of one kernel session (setsid(2)): an agent and what it started, unless
/// that began a session of its own. Each is held by a pidfd, so that a recycled number is never
/// hit. Thread-safety: const calls are thread-safe.
class SessionMembers {
 public:
  /// Those of the session that `leader` leads; none where it is not known to be alive. What they
  /// start later is not among them.
  static SessionMembers of(const base::ProcessIdentity& leader);

  /// To each; one that is gone, or not ours to signal, is passed over.
  void signal(int number) const;
  /// Waits until all are dead, zombies included. False: not within `timeout`.
  [[nodiscard]] bool wait_dead(std::chrono::milliseconds timeout) const;

 private:
  std::vector<base::UniqueFd> members_;
};

}  // namespace orc
