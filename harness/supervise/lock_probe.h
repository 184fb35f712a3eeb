#pragma once

#include <sys/types.h>

#include <compare>
#include <set>

#include "harness/supervise/op.h"

namespace stress {

/// What a scheduler must know of file locks, so that a task which would wait for one in the kernel,
/// where nobody sees it, waits with the scheduler instead. All of it is about a task that is
/// stopped at such a call, and true for as long as nobody else runs; as after decode(), the
/// notification's validity is to be checked before an answer is believed.

/// A request for a lock: flock, fcntl by process (POSIX) or by open file description (OFD).
bool is_lock_request(const Op& op);
/// A request that waits where the lock is held.
bool waits_for_lock(const Op& op);
bool is_unlock(const Op& op);

enum class LockAnswer {
  kFree,     ///< it would be granted now
  kHeld,     ///< somebody else holds what conflicts with it
  kUnknown,  ///< the task is gone, its file is none that can be asked about, or it is no request
};
struct LockState {
  LockAnswer answer = LockAnswer::kUnknown;
  pid_t holder = 0;  ///< of a POSIX lock: the process; of others, which belong to none: 0
};

/// Whether the request could be granted, without granting it. What its owner holds already does not
/// count against it. (Where flock is free, it is held for a moment by nobody the task knows.)
LockState probe_lock(const Op& op);

/// Grants a flock or OFD request that probe_lock() found free: the task's open file description
/// then holds it, and the task is to be answered with 0. False: not free; or it cannot be granted
/// for another (POSIX), or is a mistake: let it run.
bool take_lock(const Op& op);

/// What the kernel does when a flock begins to wait: a lock that the same open file description
/// holds is lost at once, as a conversion is not atomic (flock(2)). To be called when such a
/// request is made to wait, else two that convert would wait for each other. True: there was one.
bool begin_waiting(const Op& op);

/// Which file a lock is about, however it is named.
struct LockKey {
  dev_t dev = 0;
  ino_t ino = 0;
  auto operator<=>(const LockKey&) const = default;
};
/// Zeros where the task is gone.
LockKey lock_key(const Op& op);
/// The files, of those with these inodes, of which a process has a lock: one of its own (POSIX), or
/// by an open file description (flock, OFD), whose lock is had by all who share it and outlives who
/// has asked for it. Read from /proc; empty where the process is gone or may not be looked at.
std::set<LockKey> files_locked_by(pid_t pid, const std::set<ino_t>& among);

}  // namespace stress
