#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/base/error.h"
#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/unique_fd.h"

namespace base {

/// A program to run. No shell is involved; argv[0] without '/' is looked up on the PATH of its
/// environment. Signals are at their defaults in it, none blocked.
struct Command {
  std::vector<std::string> argv;
  std::optional<std::vector<std::string>> env;  ///< "KEY=value"; the caller's own where unset
  std::filesystem::path cwd;                    ///< the caller's own where empty
  std::string input;                            ///< standard input (a file), then end of file
  std::chrono::milliseconds timeout{10'000};    ///< SIGKILL when it passes
  std::size_t output_bytes_max = 16u << 20;     ///< of each stream; the rest is read and dropped
};

struct Outcome {
  int exit_code = -1;  ///< -1 when ended by a signal
  int signal = 0;
  bool timed_out = false;
  std::string out;
  std::string err;
  [[nodiscard]] bool ok() const { return exit_code == 0; }
};

/// Runs a command to its end. Nothing but fds 0, 1, 2 is inherited. A descendant that keeps the
/// output pipes open after the command has exited is not waited for.
/// Thread-safe. Errors: kNotFound (no such program or folder), kInvalid (no argv), kIo, kTimeout
/// (the process outlives its SIGKILL by 10 s).
Result<Outcome> run(const Command& command);

/// Starts a command that outlives its starter: own session, not our child (no zombie), fd 0 from
/// /dev/null, fds 1 and 2 appended to `log` (/dev/null where empty). `command.input`, `.timeout`
/// and `.output_bytes_max` are not used.
/// The text "{pid}" in a value of `env` is replaced by the new process's own pid.
/// Returns once exec has succeeded. Thread-safe. Errors: kNotFound, kInvalid, kIo.
Result<ProcessIdentity> start_detached(const Command& command, const std::filesystem::path& log);

/// A running child that is talked to over its standard streams.
struct PipedProcess {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd in;   ///< its standard input; non-blocking; SIGPIPE where nobody reads it any more
  UniqueFd out;  ///< its standard output; non-blocking
};

/// Starts a command in the caller's process group and leaves it running, to be reaped by the
/// caller. Standard error is appended to `log` (/dev/null where empty). `command.input`, `.timeout`
/// and `.output_bytes_max` are not used.
/// Returns once exec has succeeded. Thread-safe. Errors: kNotFound, kInvalid, kIo.
Result<PipedProcess> start_piped(const Command& command, const std::filesystem::path& log);

/// The environment of this process as "KEY=value".
std::vector<std::string> current_environment();

}  // namespace base
