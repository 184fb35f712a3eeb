#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "harness/history/evidence.h"
#include "orchestrator/base/error.h"

namespace stress {

/// One line of a history file.
struct Invocation { Operation op; };      ///< without completion
struct Completion { std::uint64_t id = 0; Nanoseconds at = 0; OpOutcome outcome = OpOutcome::kInfo;
                    std::string agent; std::string error; std::vector<std::string> seen; };
struct Finished {};
using Event = std::variant<RunFacts, Invocation, Completion, Fault, Snapshot, SessionsView, AgentLife,
                           RepairRun, Bystander, Leftover, Stall, Trouble, Quiescence, Finished>;

/// One JSON object without newline: {"event":"invoke",…}. Documented in ARCHITECTURE.md.
std::string encode(const Event& event);
/// Errors: kInvalid, naming the field.
base::Result<Event> decode(std::string_view line);

/// Puts events together: an invocation and its completion become one Operation; everything is
/// sorted by time, snapshots' deltas stay in order.
class EvidenceBuilder {
 public:
  void add(Event event);
  Evidence finish();

 private:
  Evidence evidence_;
  std::map<std::uint64_t, std::size_t> index_;
  std::map<std::uint64_t, Completion> early_;
};

/// Reads a history file. A torn last line (its writer was killed) is dropped and counted in
/// `torn_lines`; any other damage is an error with its line number.
struct LoadedHistory {
  Evidence evidence;
  int torn_lines = 0;
};
base::Result<LoadedHistory> load_history(const std::filesystem::path& file);
/// Writes the whole evidence. Errors: kIo.
base::Status store_history(const Evidence& evidence, const std::filesystem::path& file);

}  // namespace stress
