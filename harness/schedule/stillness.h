#pragma once

#include <string>

#include "harness/schedule/task_table.h"

namespace stress {

/// How a task that is not stopped at a call looks.
enum class Motion {
  kMoves,   ///< it runs
  kSlept,   ///< it is asleep, and has run since the last look
  kSleeps,  ///< as at the last look: asleep, and it has not run since
  kGone,    ///< it has ended
};

/// What tells that a task has run.
enum class Sign {
  kTurns,     ///< how long it has run in all; where the kernel does not count that: its switches
  kSwitches,  ///< how often it has stopped running
};

/// One look at a task, remembered in it. A task that has not run between two looks, and is asleep
/// at both and off the processor at the second, is moved by somebody else only. A parent in vfork
/// cannot be interrupted until its child has called exec, and counts as asleep once that child is
/// known: before, it may wait for the kernel to make it.
Motion look_at(ScheduledTask& task, Sign sign = Sign::kTurns);
/// Whether a task that has stopped at a call runs, or is about to: whom a signal has woken is awake
/// at once. One whom it does not end goes back there at once, and only his death can interrupt him
/// then.
bool is_awake(pid_t tid);
/// Whether a SIGKILL is under way to it, as any signal that ends a process becomes one; also where
/// it is gone.
bool is_doomed(pid_t tid);

}  // namespace stress
