#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "orchestrator/base/error.h"

namespace base {

/// Names one process for all time: a pid alone is recycled, restarts with the machine and means
/// nothing in another pid namespace.
struct ProcessIdentity {
  std::string machine;              ///< /etc/machine-id, empty where there is none
  std::string boot;                 ///< /proc/sys/kernel/random/boot_id
  std::uint64_t pid_namespace = 0;  ///< inode of /proc/self/ns/pid
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< field 22 of /proc/PID/stat, clock ticks since boot

  bool operator==(const ProcessIdentity&) const = default;
};

/// Three values on purpose: what cannot be known is never acted upon.
enum class Liveness { kAlive, kDead, kUnknown };

/// The identity of a process that exists now. Errors: kNotFound (no such process), kIo.
Result<ProcessIdentity> identify(pid_t pid);

/// The calling process. Cached; cheap; correct after fork.
const ProcessIdentity& self_identity();

/// kUnknown for another machine or pid namespace, or where /proc cannot be read; kDead for an
/// earlier boot, a pid that is gone, a zombie, or a pid with another start time.
Liveness liveness(const ProcessIdentity& identity);

/// Sends `signal` through a pidfd, after checking that it names this very process: a recycled pid
/// is never hit. A process that is already gone is success. Errors: kRefused (unknown liveness),
/// kIo.
Status signal_process(const ProcessIdentity& identity, int signal);

/// Waits until the process is dead, zombie included. Errors: kTimeout, kRefused (unknown liveness).
Status wait_dead(const ProcessIdentity& identity, std::chrono::milliseconds timeout);

}  // namespace base
