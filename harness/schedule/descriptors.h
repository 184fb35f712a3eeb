#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>

#include "harness/schedule/task_table.h"

namespace stress {

/// What a process has open, each by the name that the kernel gives it.
struct Descriptors {
  /// By which it may tell others something that no call on a file shows: pipes, sockets, queues,
  /// counters.
  std::set<std::string> channels;
  /// Files, but for standard input, output and error, which processes of one program share.
  std::set<std::string> files;
  bool operator==(const Descriptors&) const = default;
};
/// Empty for one that is gone.
Descriptors descriptors_of(pid_t process);

/// Those of the processes of a schedule, looked at again only where one may have run. Not
/// thread-safe.
class DescriptorTable {
 public:
  /// `task`: a process's main thread. Valid until it is asked for again.
  const Descriptors& of(const ScheduledTask& task);

 private:
  struct Known {
    std::string since;
    Descriptors descriptors;
  };
  std::map<std::string, Known> known_;  ///< by label
};

/// Whether a process with these channels may tell something to one with those. The two ends of a
/// pipe have one name; those of a socket have not, so two processes with sockets count as joined.
bool are_joined(const std::set<std::string>& one, const std::set<std::string>& other);

}  // namespace stress
