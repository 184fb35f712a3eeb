#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

/// What is looked for after shutdown; each kind not found is a fact.
constexpr std::array<std::string_view, 6> kKinds = {"process", "session", "socket",
                                                    "cgroup",  "lock",    "temp-file"};

}  // namespace

report::InvariantResult check_clean_exit(const Evidence& evidence) {
  check::Tally tally(evidence, "clean-exit");
  // The search is the last thing that a run does: one that did not finish has not searched.
  if (evidence.finished || !evidence.leftovers.empty()) tally.fact(kKinds.size());
  for (const Leftover& leftover : evidence.leftovers) {
    tally.violation(
        {.summary = fmt::format("A {} was left behind: {}.", leftover.kind, leftover.detail),
         .at = std::numeric_limits<Nanoseconds>::max()});
  }
  return std::move(tally).finish(fmt::format("looked for: {}", fmt::join(kKinds, ", ")));
}

}  // namespace stress
