#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/history/evidence.h"
#include "orchestrator/base/error.h"

namespace stress {

/// One line of a history file.
struct Invocation {
  Operation op;  ///< without completion
  bool operator==(const Invocation&) const = default;
};
struct Completion {
  std::uint64_t id = 0;
  Nanoseconds at = 0;
  OpOutcome outcome = OpOutcome::kInfo;
  std::string agent;
  std::string error;
  std::vector<std::string> seen;
  bool operator==(const Completion&) const = default;
};
struct Finished {
  bool operator==(const Finished&) const = default;
};
using Event = std::variant<RunFacts, Invocation, Completion, Fault, Snapshot, SessionsView,
                           AgentLife, RepairRun, Bystander, Leftover, Stall, Trouble, Quiescence,
                           Finished, RegistryLoads>;

/// One JSON object without newline: {"event":"invoke",…}; members that hold their default are left
/// out. Bytes that are not UTF-8 become U+FFFD. Documented in scenarios/schema/history.schema.json.
std::string encode(const Event& event);
/// Unknown members are ignored. Errors: kInvalid, naming the field.
base::Result<Event> decode(std::string_view line);

/// Puts events together: an invocation and its completion become one Operation, in whatever order
/// they come; everything is sorted by time, snapshots stay in the order of add() since their deltas
/// build on each other. Of two completions an acknowledgement or refusal beats an info. A
/// completion without invocation and a second invocation of one id become a Trouble. Thread-safety:
/// for one thread.
class EvidenceBuilder {
 public:
  void add(Event event);
  /// Leaves the builder empty.
  Evidence finish();

 private:
  void invoke(Operation op);
  void complete(Completion completion);

  Evidence evidence_;
  std::map<std::uint64_t, std::size_t> index_;
  std::map<std::uint64_t, Completion> early_;
};

/// Reads a history file. A torn last line (its writer was killed) is dropped and counted in
/// `torn_lines`; any other damage is an error with its line number. Errors: kNotFound, kIo,
/// kInvalid.
struct LoadedHistory {
  Evidence evidence;
  int torn_lines = 0;
};
base::Result<LoadedHistory> load_history(const std::filesystem::path& file);
/// Writes the whole evidence, by time. Errors: kIo.
base::Status store_history(const Evidence& evidence, const std::filesystem::path& file);

}  // namespace stress
