#pragma once

#include <chrono>
#include <cstdint>
#include <variant>

#include "harness/supervise/op.h"

namespace stress {

/// Who is killed.
enum class Victim {
  kLaunched,  ///< the launched process
  kCommand,   ///< Op::command: the program that the launched process runs for this call
  kCaller,    ///< Pause only: who makes the call; of an exec, the program that it has become
};

/// Whom a crash takes along.
enum class Scope {
  kProcess,      ///< the victim with all its threads; its children (a tmux client) live on
  kDescendants,  ///< its children too, and theirs; daemons (sessions of their own) not
};

struct Proceed {};
/// The call is not made; it returns this errno.
struct Fail {
  int error_number;
};
/// Only the first `bytes` (at least one) of a write are written, and it returns their number.
struct Short {
  std::uint64_t bytes;
};
/// SIGKILL of the victim before the call has any effect.
struct KillBefore {
  Scope scope;
  Victim victim = Victim::kLaunched;
};
/// Exactly the first `bytes` of a write are written, then SIGKILL. With a cut at a page boundary of
/// the file this is what a real SIGKILL leaves. Only for writes from memory of somebody who dies
/// in this crash: who lives on would write the whole once more.
struct KillMid {
  Scope scope;
  std::uint64_t bytes;
  Victim victim = Victim::kLaunched;
};
/// The call is made, and SIGKILL comes before its caller makes another relevant call. Writes, syncs
/// and unlocks are made by the supervisor; others run, and the kill falls at the task's next stop.
struct KillAfter {
  Scope scope;
  Victim victim = Victim::kLaunched;
};
/// SIGSTOP of the victim, then the call (a caller stops on its way out of it); SIGCONT after
/// `duration`.
struct Pause {
  std::chrono::milliseconds duration;
  Victim victim = Victim::kLaunched;
};

/// An execve does not run its program: the process ends at once with this code (0 to 255), as the
/// program would have, and its parent sees a successful exec.
struct Exit {
  int code;
};

/// The file that the call is about is unlinked by the supervisor, as a stranger would who cleans
/// up; then the call is made. Not delivered where its name means another file by then, or none.
struct Unlink {};

/// The call is made `duration` later. Only its caller waits: everybody else, the other threads of
/// its process too, goes on. applied() comes when the call is let run.
struct Delay {
  std::chrono::milliseconds duration;
};

using Verdict =
    std::variant<Proceed, Fail, Short, KillBefore, KillMid, KillAfter, Exit, Unlink, Pause, Delay>;

/// What becomes of each call. The only hook of the engine: storms, crash points and schedules are
/// policies. All calls come from the engine's thread, one at a time; they must not block.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Verdict decide(const Op& op) = 0;
  /// Asked before decide() about an exec: whether Op::argv is to be read from the caller's memory.
  virtual bool wants_argv(const Op& /*op*/) { return false; }
  /// A verdict has taken full effect: after a kill the process is dead (its pidfd is readable).
  /// `delivered` is false where the task or the victim was gone before it could be.
  virtual void applied(const Op& op, const Verdict& verdict, bool delivered) = 0;
  /// A launched process is dead and reaped. `status` as from waitpid.
  virtual void exited(std::uint32_t root, int status) = 0;
};

}  // namespace stress
