#pragma once

#include <chrono>
#include <cstdint>
#include <variant>

#include "harness/supervise/op.h"

namespace stress {

/// Whom a crash takes along.
enum class Scope {
  kProcess,  ///< the launched process with all its threads; its children (a tmux client) live on
  kDescendants,  ///< its whole process group: children too, daemons (sessions of their own) not
};

struct Proceed {};
/// The call is not made; it returns this errno.
struct Fail {
  int error_number;
};
/// SIGKILL of the launched process before the call has any effect.
struct KillBefore {
  Scope scope;
};
/// Exactly the first `bytes` of a write are written, then SIGKILL. With a cut at a page boundary of
/// the file this is what a real SIGKILL leaves. Only for writes of the launched process itself.
struct KillMid {
  Scope scope;
  std::uint64_t bytes;
};
/// The call is made, and SIGKILL comes before its caller makes another relevant call. Writes, syncs
/// and unlocks are made by the supervisor; others run, and the kill falls at the task's next stop.
struct KillAfter {
  Scope scope;
};
/// SIGSTOP of the launched process, then the call; SIGCONT after `duration`.
struct Pause {
  std::chrono::milliseconds duration;
};

using Verdict = std::variant<Proceed, Fail, KillBefore, KillMid, KillAfter, Pause>;

/// What becomes of each call. The only hook of the engine: storms, crash points and schedules are
/// policies. All calls come from the engine's thread, one at a time; they must not block.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Verdict decide(const Op& op) = 0;
  /// A verdict has taken full effect: after a kill the process is dead (its pidfd is readable).
  /// `delivered` is false where the task was gone before it could be.
  virtual void applied(const Op& op, const Verdict& verdict, bool delivered) = 0;
  /// A launched process is dead and reaped. `status` as from waitpid.
  virtual void exited(std::uint32_t root, int status) = 0;
};

}  // namespace stress
