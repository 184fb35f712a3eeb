#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

/// A client at which no fault was aimed made one spawn, in one attempt or more: in the end it must
/// have been acknowledged.
report::InvariantResult check_unaimed(const Evidence& evidence, std::string_view id,
                                      std::string_view client, const char* who) {
  check::Tally tally(evidence, id);
  const Operation* last = nullptr;
  std::uint64_t attempts = 0;
  for (const Operation& op : evidence.operations) {
    if (op.client != client || op.kind != OpKind::kSpawn) continue;
    ++attempts;
    if (last == nullptr || op.invoked > last->invoked) last = &op;
  }
  if (last != nullptr && last->outcome == OpOutcome::kOk) {
    tally.fact();
  } else if (last != nullptr && last->completed) {
    tally.fact();
    tally.violation({.summary = fmt::format("{} was not acknowledged in {}: {}", who,
                                            check::count_of(attempts, "attempt"),
                                            last->error.empty() ? "no reply" : last->error),
                     .at = *last->completed});
  } else {
    // Whether it is stuck or slow is told by progress.
    tally.missing(fmt::format("{} was cut off before it had an answer", who));
  }
  return std::move(tally).finish("1 spawn");
}

}  // namespace

report::InvariantResult check_bystander_unharmed(const Evidence& evidence) {
  return check_unaimed(evidence, "bystander-unharmed", kBystanderClient,
                       "The spawn of another process, in its middle meanwhile,");
}

report::InvariantResult check_usable_afterwards(const Evidence& evidence) {
  return check_unaimed(evidence, "usable-afterwards", kAfterwardsClient,
                       "A spawn after the fault and the repair");
}

}  // namespace stress
