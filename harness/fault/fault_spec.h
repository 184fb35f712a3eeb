#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "harness/supervise/op.h"
#include "orchestrator/base/error.h"

namespace stress {

enum class FaultPlace {
  kSpawn,  ///< the first watched call of a spawn, whichever it is
  kOpen,
  kWrite,
  kFsync,
  kRename,
  kLink,
  kUnlink,
  kMkdir,
  kTruncate,
  kChmod,
  kFlock,
  kUnlock,
  kExec,
  kConnect,
  kSend
};

enum class FaultAction { kKill, kKillMid, kShort, kError, kExit, kUnlink, kDelay, kPause };

/// Which of the matching calls, counted from 1 over the whole run: every `step`-th from `first` to
/// `last`.
struct FaultWindow {
  std::uint64_t first = 1;
  std::optional<std::uint64_t> last;  ///< none: no end
  std::uint64_t step = 1;

  [[nodiscard]] bool contains(std::uint64_t count) const {
    return count >= first && (!last || count <= *last) && (count - first) % step == 0;
  }
  bool operator==(const FaultWindow&) const = default;
};

/// One line of a fault plan: `WHERE:WHAT[:when=FIRST[..LAST][+STEP]][:p=RATE]`. A value.
struct FaultSpec {
  FaultPlace place = FaultPlace::kWrite;
  std::string glob;  ///< of the path; empty: any file of the target's; see names_arguments()
  FaultAction action = FaultAction::kError;
  std::uint64_t bytes = 0;                ///< kShort: how many are written
  int error_number = 0;                   ///< kError
  int exit_code = 0;                      ///< kExit
  std::chrono::milliseconds duration{0};  ///< kDelay, kPause
  std::optional<FaultWindow> window;
  std::optional<double> rate;

  bool operator==(const FaultSpec&) const = default;
};

/// Errors: kInvalid "'TEXT': at character N: what is wrong; what would be right", N from 1.
base::Result<FaultSpec> parse_fault(std::string_view text);
/// The inverse of parse_fault.
std::string to_string(const FaultSpec& spec);

/// Whether a call is of the kind and the path that a spec names. A place of kSpawn never is: which
/// call comes first only who sees them all can tell.
bool names(const FaultSpec& spec, const Op& op);

/// Whether a spec names a program by its arguments too: an exec whose pattern has a space in it.
/// Such a pattern is held against the path, a space and Op::argv.
bool names_arguments(const FaultSpec& spec);

/// fnmatch(3) of the whole path; of each of its tails too where the pattern is not absolute, so
/// that "registry.json" and "backups/*" say what they seem to. `rest` follows upon the path.
bool path_matches(const std::string& glob, const std::string& path, const std::string& rest = {});

}  // namespace stress
