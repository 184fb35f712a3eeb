#pragma once

#include <atomic>
#include <functional>

#include "orchestrator/base/error.h"

namespace stress {

/// A room of a run's own, for what must not be done to the whole machine: a private mount namespace
/// (what is mounted in it is seen by nobody else, and gone with it) and a private pid namespace
/// (its numbers may be given away as one likes), with a /proc of its own. Who may not make these
/// gets a user namespace around them, with the same user and group as outside.
///
/// Three processes: the caller waits; the namespace's first process tends the room; the third one
/// runs `body`. The first one is no part of the run, as a pid namespace dies with its first process
/// at once, and a run that was killed needs its guardian to outlive it. When the caller dies, by
/// SIGKILL too, the first process kills the third, waits for the guardian, and ends.

/// Runs `body` in a room and returns what it returned; 128 + the number of the signal that ended
/// it. `body` flushes what it prints. Once `interrupted` is set, SIGTERM is sent to it. The room is
/// in a session of its own, so that ^C and a signal to the caller's process group reach the caller
/// alone. The caller must have one thread only.
/// Errors: kUnavailable, one sentence that says what is refused here; nothing has run then.
base::Result<int> run_in_room(const std::atomic<bool>& interrupted,
                              const std::function<int()>& body);

/// Whether this process, or one that it was forked from, is `body` in a room.
bool in_room();

}  // namespace stress
