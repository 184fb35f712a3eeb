#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"

namespace stress {

/// How a run of this very program came out.
struct OwnRun {
  int exit_code = -1;  ///< -1: ended by a signal
  std::string out;     ///< what it said on standard output
};

/// Runs this program with `arguments` as a process of its own, in our process group, so that ^C
/// reaches it too. It is told to end (SIGTERM) once `interrupted` is set, and killed when `limit`
/// is over: its guardian cleans up. Its standard error is appended to `log`.
/// Errors: kNotFound, kIo.
base::Result<OwnRun> run_own(const std::vector<std::string>& arguments,
                             const std::filesystem::path& log, std::chrono::seconds limit,
                             const std::atomic<bool>& interrupted);

}  // namespace stress
