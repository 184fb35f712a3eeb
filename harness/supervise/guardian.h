#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/supervise/group.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// A process of its own session that ends everything when `stress` itself dies, also by SIGKILL: it
/// waits for the end of a connection and of the process, then kills the group's members, removes
/// its cgroup and the run's temporary folders (tmux sockets). While the run is alive it does
/// nothing. It ignores SIGINT, SIGTERM, SIGHUP and SIGQUIT, so that a Ctrl-C at the terminal does
/// not take it away first. It is no member of the group.
class [[nodiscard]] Guardian {
 public:
  /// Re-executes /proc/self/exe with `guardian` as first argument (see guardian_main): the calling
  /// program must offer that. Returns once the new program runs.
  /// `temporary_folders`: absolute, at least two levels deep; removed with all they contain.
  /// Errors: kInvalid (a folder that it would refuse to remove), kIo.
  static base::Result<Guardian> start(const Group& group,
                                      const std::vector<std::filesystem::path>& temporary_folders);
  Guardian(Guardian&&) noexcept = default;
  Guardian& operator=(Guardian&&) = delete;
  /// Tells it that the run is over and clean; waits for its end.
  ~Guardian();

 private:
  Guardian(base::UniqueFd connection, base::UniqueFd process, pid_t pid)
      : connection_(std::move(connection)), process_(std::move(process)), pid_(pid) {}
  base::UniqueFd connection_;
  base::UniqueFd process_;  ///< pidfd
  pid_t pid_;
};

/// Whether this process is the guardian of some run.
bool is_guardian(pid_t pid);

/// What the hidden subcommand `stress guardian TOKEN CGROUP FOLDER…` runs (arguments after
/// `guardian`). fd 0: the connection; fd 3: a pidfd of the guarded process.
int guardian_main(const std::vector<std::string>& arguments);

}  // namespace stress
