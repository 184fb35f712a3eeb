#pragma once

#include "harness/supervise/stopped.h"

namespace stress {

/// Ends the process of a stopped execve with an exit code, as if the program had been run and had
/// ended at once; its parent sees a successful exec. `code`: 0 to 255.
///
/// An errno would not do: it says that there is no program, and a caller that waits for its child's
/// exec (posix_spawn, Python, Boost) is told so. Nothing is written into the task's memory. It is
/// traced (ptrace) for the length of two stops: its call is answered with an error, and on its way
/// out, before an instruction of its own has run, it is sent back to the very instruction that made
/// the call, with exit_group in its registers.
///
/// False: the task is gone, or may not be traced (somebody else does, or a sandbox forbids it);
/// then it still waits for an answer. Only for the engine's thread: tracing is a thread's affair.
bool end_instead(const Stopped& stopped, int code);

}  // namespace stress
