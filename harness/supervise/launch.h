#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "harness/supervise/filter.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// A program to start under supervision. No shell; argv[0] is a path.
struct LaunchSpec {
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::filesystem::path cwd;     ///< empty: the caller's
  std::filesystem::path output;  ///< fds 1 and 2 are appended to it; empty: /dev/null
  std::filesystem::path error;   ///< fd 2 is appended to it instead; empty: as fd 1
  /// Stack, heap and libraries lie at the same addresses in each run; descendants inherit it.
  bool fixed_addresses = false;
};

struct Launched {
  pid_t pid = 0;
  base::UniqueFd pidfd;
  base::UniqueFd listener;  ///< not valid when started without a filter
};

/// Starts a program in a process group of its own, with the filter in force from its execve on, so
/// that the program itself is not changed. All its descendants inherit the filter. The child joins
/// the cgroup behind `join_fd` (-1: none). Until the caller answers at the listener, the child
/// waits in its execve. The child is the caller's to reap. Thread-safe. Errors: kNotFound (no such
/// program), kIo, kUnavailable (the kernel or a container refuses the filter; EBUSY: another
/// supervisor holds this process already).
base::Result<Launched> launch(const LaunchSpec& spec, const BpfProgram* filter, int join_fd);

/// Whether supervision can be had here: tries it on a child. Errors: kUnavailable, one sentence.
base::Status probe_supervision();

}  // namespace stress
