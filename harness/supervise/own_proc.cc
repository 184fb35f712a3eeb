#include "harness/supervise/own_proc.h"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace stress {

base::Status check_own_proc() {
  std::error_code error;
  if (std::filesystem::read_symlink("/proc/self", error) == std::to_string(getpid())) return {};
  return base::fail(base::Errc::kUnavailable,
                    "/proc is not mounted or shows another pid namespace: mount the right one "
                    "(unshare: --mount-proc)");
}

}  // namespace stress
