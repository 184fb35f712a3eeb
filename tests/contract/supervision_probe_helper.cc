// Asks whether supervision can be had, and writes the sentence to a file: nothing where it can.
//   supervision_probe_helper FILE [CALL ERRNO]   as in a container that answers CALL with ERRNO
#include <cstdlib>
#include <fstream>

#include <seccomp.h>

#include "harness/supervise/launch.h"

/// The leak sanitizer traces its own process at the end, which is not to be had where this one
/// runs: under another tracer, or with calls forbidden. Nothing where no sanitizer is built in.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" int __lsan_is_turned_off() { return 1; }

namespace {

bool deny(const char* call, int error_number) {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
  return context != nullptr &&
         seccomp_rule_add_array(context, SCMP_ACT_ERRNO(static_cast<unsigned>(error_number)),
                                seccomp_syscall_resolve_name(call), 0, nullptr) == 0 &&
         seccomp_load(context) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 254;
  if (argc == 4 && !deny(argv[2], static_cast<int>(std::strtol(argv[3], nullptr, 10)))) return 255;
  const base::Status possible = stress::probe_supervision();
  std::ofstream(argv[1]) << (possible ? "" : possible.error().message);
  return 0;
}
