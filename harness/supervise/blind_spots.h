#pragma once

#include <linux/seccomp.h>

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/supervise/tasks.h"

namespace stress {

/// A way to change files past the supervisor, which a program took or asked for.
struct BlindSpot {
  enum class Kind {
    kUring,          ///< io_uring_setup: refused; programs fall back to system calls
    kForeignCall,    ///< a call of another architecture (32-bit, x32): refused
    kSharedMapping,  ///< a file mapped shared and open for writing: stores make no call
  };
  Kind kind = Kind::kUring;
  std::string subject;  ///< of a mapping: its file; else the program's name
  auto operator<=>(const BlindSpot&) const = default;
};

/// Whether the call is trapped only so that it is not silently missed. Policies do not see it.
std::optional<BlindSpot::Kind> blind_spot_kind(const seccomp_data& call);

/// What the call gets around. nullopt: nothing (its file cannot be written to), or the task is
/// gone. The notification's validity is to be checked afterwards.
std::optional<BlindSpot> look_at_blind_spot(BlindSpot::Kind kind, const seccomp_notif& notification,
                                            Tasks& tasks);

/// Those of a run, each once; a run with very many keeps the first thousand. Thread-safe.
class BlindSpots {
 public:
  void add(BlindSpot spot);
  [[nodiscard]] std::vector<BlindSpot> found() const;

 private:
  mutable std::mutex mutex_;
  std::set<BlindSpot> found_;
};

}  // namespace stress
