#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/supervise/group.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// A process of its own session that ends everything when `stress` itself dies, also by SIGKILL: it
/// waits for the end of a pipe, then kills the group's members, removes its cgroup and the run's
/// temporary folders (tmux sockets). While the run is alive it does nothing. It ignores SIGINT,
/// SIGTERM and SIGHUP, so that a Ctrl-C at the terminal does not take it away first.
class [[nodiscard]] Guardian {
 public:
  /// Re-executes /proc/self/exe with `guardian` as first argument (see guardian_main).
  static base::Result<Guardian> start(const Group& group,
                                      const std::vector<std::filesystem::path>& temporary_folders);
  Guardian(Guardian&&) = default;
  /// Tells it that the run is over and clean; waits for its end.
  ~Guardian();

 private:
  Guardian(base::UniqueFd pipe, pid_t pid) : pipe_(std::move(pipe)), pid_(pid) {}
  base::UniqueFd pipe_;
  pid_t pid_ = -1;
};

/// What the hidden subcommand `stress guardian TOKEN CGROUP FOLDER…` runs; the pipe is fd 0.
int guardian_main(const std::vector<std::string>& arguments);

}  // namespace stress
