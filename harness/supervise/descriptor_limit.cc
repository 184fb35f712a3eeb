#include "harness/supervise/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace stress {

void raise_descriptor_limit() {
  // More would slow down programs that close every descriptor there could be.
  constexpr rlim_t kEnough = 65'536;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kEnough));
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace stress
