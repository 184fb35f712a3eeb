#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"

namespace stress {

report::InvariantResult check_progress(const Evidence& evidence) {
  check::Tally tally(evidence, "progress");
  tally.fact(evidence.operations.size());
  std::uint64_t unproven = 0;
  for (const Stall& stall : evidence.stalls) {
    if (!stall.proven) {
      ++unproven;
      continue;
    }
    const auto op = std::ranges::find(evidence.operations, stall.op, &Operation::id);
    const bool known = op != evidence.operations.end();
    tally.violation({.summary = fmt::format(
                         "{} did not reply for {:.1f} s while all its tasks slept{}{}.",
                         known ? check::Story::name(*op) : fmt::format("operation {}", stall.op),
                         static_cast<double>(stall.waited) / 1e9,
                         known && !op->agent.empty() ? "; agent " + op->agent : "",
                         stall.detail.empty() ? "" : ": " + stall.detail),
                     .agent = known ? op->agent : "",
                     .at = known ? op->invoked + stall.waited : 0});
  }
  if (unproven > 0) {
    tally.missing(fmt::format("{} overdue, but not proven to be stuck",
                              check::count_of(unproven, "operation")));
  }
  return std::move(tally).finish(check::count_of(evidence.operations.size(), "operation"));
}

}  // namespace stress
