#include "harness/cli/in_room.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/cli/guarded.h"
#include "harness/supervise/room.h"

namespace stress {

base::Result<int> run_where_it_belongs(const StormSettings& settings,
                                       const std::atomic<bool>& interrupted,
                                       const std::function<int()>& body) {
  const std::vector<std::string> flags = faults_in_room(settings);
  if (flags.empty()) return body();
  const base::Result<int> code = run_in_room(interrupted, [&] { return guarded(body); });
  if (code) return code;
  return base::fail_from(code.error(),
                         fmt::format("{} {} private namespaces", fmt::join(flags, " and "),
                                     flags.size() == 1 ? "needs" : "need"));
}

}  // namespace stress
