#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <vector>

#include "harness/campaign/collector.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/process_identity.h"

namespace stress {

/// The fault: harmless processes that are given the numbers of dead agents, each the leader of a
/// group and a session with that number too. They are nobody's in the run (no token, no cgroup), so
/// whoever takes one for an agent goes by its number alone. Needs a room (see run_in_room).
/// Thread-safe but for its end.
class Strangers {
 public:
  Strangers() = default;
  Strangers(const Strangers&) = delete;
  Strangers& operator=(const Strangers&) = delete;
  ~Strangers() { end(); }

  /// `of`: the agent whose number it was. Errors: kExists (the number is not free), kUnavailable
  /// (not in a room), kIo.
  base::Status start(pid_t number, const std::string& of);
  /// Puts one Bystander each into the evidence: as it was at first, and as it is now.
  void compare(Collector& collector) const;
  void end();

 private:
  struct Stranger {
    base::ProcessIdentity process;
    std::string of;
  };
  mutable std::mutex mutex_;
  std::vector<Stranger> all_;
};

}  // namespace stress
