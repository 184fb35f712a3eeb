#include "harness/supervise/borrowed_fd.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace stress {

base::UniqueFd borrow_fd(const Op& op) {
  const base::UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, op.pid, 0)));
  return base::UniqueFd(
      process.valid() ? static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), op.fd, 0)) : -1);
}

}  // namespace stress
