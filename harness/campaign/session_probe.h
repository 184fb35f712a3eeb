#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "harness/campaign/agent_names.h"
#include "harness/history/evidence.h"
#include "harness/supervise/group.h"
#include "harness/target/target.h"
#include "orchestrator/base/error.h"

namespace stress {

/// What became of a blow at something.
enum class Struck {
  kNothingThere,
  kYes,
  kPerhaps,  ///< asked for, and no answer says whether it was done
};

/// The harness's own eyes on sessions; shares no code with the orchestrator's. Thread-safe.
class SessionEyes {
 public:
  virtual ~SessionEyes() = default;
  /// One look. `answered` is false where nothing may be concluded.
  [[nodiscard]] virtual SessionsView look() = 0;
};

/// Its eyes and hands. Thread-safe.
class SessionProbe : public SessionEyes {
 public:
  /// The fault: ends one session, as a user or an accident would.
  virtual Struck kill_session(const ObservedSession& session) = 0;
  /// The fault: ends the server. `abruptly`: by SIGKILL, so that its socket stays behind.
  virtual Struck kill_server(bool abruptly) = 0;
  /// Starts the run's server with a session that keeps it; nothing where sessions need none.
  virtual base::Status start_server() = 0;
  /// Starts a foreign session beside the target's; its pid is returned.
  virtual base::Result<std::int64_t> start_bystander(const std::string& name) = 0;
  /// Ends everything it knows of: the target's sessions, the server. Errors: kUnavailable (in the
  /// server's own words).
  virtual base::Status shut_down() = 0;
};

/// For a target that is set up. All must outlive the probe.
std::unique_ptr<SessionProbe> make_session_probe(const RunPlace& place, const Group& group,
                                                 const Target& target, const AgentNames& names);

/// For a live installation (see Target::attach). All must outlive the eyes.
std::unique_ptr<SessionEyes> make_session_eyes(const RunPlace& place, const Target& target,
                                               const AgentNames& names);

}  // namespace stress
