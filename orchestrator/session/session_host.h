#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"
#include "orchestrator/base/process_identity.h"
#include "orchestrator/registry/record.h"

namespace orc {

struct SessionSpec {
  std::string name;               ///< check_name holds
  std::string workspace;          ///< mark: whose session it is (the workspace's id)
  std::string attempt;            ///< mark: which attempt to start made it
  std::vector<std::string> argv;  ///< run without a shell
  std::filesystem::path cwd;
  std::filesystem::path log;  ///< what the session prints is appended to it; empty: none
};

struct Session {
  SessionIdentity identity;
  std::string workspace;  ///< empty: not marked by any orchestrator
  std::string attempt;
};

/// What one look at the host showed. "No server" is an answer, not an error.
struct Listing {
  bool server_running = false;
  std::optional<base::ProcessIdentity> server;
  std::vector<Session> sessions;  ///< all of the host, foreign ones included
};

/// Where agents live. Two implementations: tmux, and plain processes.
/// Thread-safety: all calls may be made from several threads.
class SessionHost {
 public:
  virtual ~SessionHost() = default;

  /// Starts a session and marks it in one step, and starts the server where there is none.
  /// Errors: kExists (a session of that name lives), kInvalid, kTimeout and kUnavailable (whether
  /// the session was or will be made is unknown).
  virtual base::Result<SessionIdentity> create(const SessionSpec& spec) = 0;

  /// Errors: kUnavailable (the host did not answer, or answered what we do not understand):
  /// nothing may be concluded about any session then.
  [[nodiscard]] virtual base::Result<Listing> list() = 0;

  /// Ends exactly this session (never one that merely has its name, but also where it was renamed):
  /// its process, and what that started and did not detach by setsid. Waits for them, and kills
  /// what survives the hang-up. An absent session is success. Errors: kTimeout, kUnavailable.
  virtual base::Status end(const SessionIdentity& session, std::chrono::milliseconds timeout) = 0;

  /// The last `lines` lines on the session's screen. Errors: kNotFound, kUnavailable (also: a host
  /// without screens).
  virtual base::Result<std::string> capture(const SessionIdentity& session, int lines) = 0;

  /// Dead only where the host answered without this very session, or with it but the recorded
  /// process is dead (others may have been added to it), or where there is no server and both the
  /// recorded server and the pane's process are dead.
  [[nodiscard]] virtual base::Liveness liveness(const Listing& listing,
                                                const SessionIdentity& session) const = 0;
};

struct TmuxOptions {
  /// -S PATH when absolute, else -L NAME; empty: the user's default server.
  std::string socket;
  std::string tmux = "tmux";
  std::chrono::milliseconds timeout{10'000};  ///< of one client call
  /// A private server gets a session of its own that keeps it alive, and `-f /dev/null`.
  bool private_server = true;
};

std::unique_ptr<SessionHost> make_tmux_host(TmuxOptions options);

/// Sessions are plain processes in sessions (setsid) of their own, found by their environment:
/// SPAWNSTORM_SESSION=<name>:<pid>:<workspace>:<attempt>. No screen. For speed, and for machines
/// without tmux.
std::unique_ptr<SessionHost> make_process_host();

}  // namespace orc
