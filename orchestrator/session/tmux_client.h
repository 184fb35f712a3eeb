#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/base/error.h"
#include "orchestrator/session/session_host.h"

namespace orc {

/// What a client call came to, by the exact texts of tmux. What we do not know is kOther, from
/// which nobody may conclude anything.
enum class TmuxVerdict {
  kOk,
  kNoServer,       ///< nobody listens; the server may yet live on without its socket
  kServerExited,   ///< the server went away during the call
  kDuplicate,      ///< a session of that name lives
  kNoSuchSession,  ///< the target does not exist on a server that answered
  kNoSessions,     ///< the server answered, and has no session at all
  kTooLong,        ///< the command does not fit into one message
  kTimeout,        ///< the client was killed at its deadline
  kOther,
};

struct TmuxReply {
  TmuxVerdict verdict = TmuxVerdict::kOther;
  std::string out;
  std::string err;  ///< without its end of line
};

TmuxVerdict classify_tmux(int exit_code, std::string_view err);

/// Calls the tmux client. Thread-safe.
class TmuxClient {
 public:
  enum class Server { kMustRun, kMayStart };

  explicit TmuxClient(TmuxOptions options);

  /// `arguments` as tmux is to see them (see tmux_quoting.h), commands separated by ";".
  /// Errors: kInvalid (socket path too long), kUnavailable (tmux cannot be run).
  [[nodiscard]] base::Result<TmuxReply> call(const std::vector<std::string>& arguments,
                                             Server server,
                                             const std::filesystem::path& cwd = {}) const;

  [[nodiscard]] const TmuxOptions& options() const { return options_; }
  [[nodiscard]] std::filesystem::path socket_path() const;

 private:
  TmuxOptions options_;
};

/// The error for a reply that is not the answer hoped for: kTimeout, kInvalid or kUnavailable.
std::unexpected<base::Error> tmux_failure(const TmuxReply& reply, std::string_view step);

}  // namespace orc
