#pragma once

#include <sys/types.h>

#include <set>
#include <string>

namespace stress {

/// The ways by which a process may tell others something that no call on a file shows: the pipes,
/// sockets, queues and counters that it has open, each by the name that the kernel gives it.
/// Empty for one that is gone.
std::set<std::string> channels_of(pid_t process);

/// Whether a process with these channels may tell something to one with those. The two ends of a
/// pipe have one name; those of a socket have not, so two processes with sockets count as joined.
bool are_joined(const std::set<std::string>& one, const std::set<std::string>& other);

}  // namespace stress
