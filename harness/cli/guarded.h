#pragma once

#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>

#include "harness/cli/exit_codes.h"
#include "harness/cli/say.h"

namespace stress {

/// What a process of ours does last: runs `body`, and its exit code is that of the process, unless
/// `body` throws or its words cannot be written; then one sentence and kExitInternal.
template <class Body>
int guarded(const Body& body) {
  try {
    const int code = body();
    if (std::fflush(stdout) == 0 || errno == EPIPE) return code;
    say(stderr, "stress: cannot write to standard output: {}\n",
        std::generic_category().message(errno));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stress: internal error: %s\n", error.what());
  }
  return kExitInternal;
}

}  // namespace stress
