#include <map>
#include <utility>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

std::string in_words(const RegistryLoads& loads) {
  return fmt::format("read the registry {} times under the lock and {} times outside of it",
                     loads.locked, loads.unlocked);
}

}  // namespace

report::InvariantResult check_one_load_per_transaction(const Evidence& evidence) {
  constexpr std::string_view kId = "one-load-per-transaction";
  const TargetFacts& target = evidence.run.target;
  if (!evidence.run.counts_loads || !target.loads_per_spawn) {
    return check::Tally::not_applicable(kId, "reads of the registry were not watched");
  }
  check::Tally tally(evidence, kId);
  std::map<std::uint64_t, RegistryLoads> by_op;
  std::uint64_t gates = 0;
  for (const RegistryLoads& loads : evidence.loads) {
    if (loads.op) {
      by_op[*loads.op] = loads;
      continue;
    }
    ++gates;
    tally.fact();
    if (loads.unlocked == 0 && loads.locked == target.loads_per_gate) continue;
    tally.violation({.summary = fmt::format("A process beside the spawner {}; promised are {}.",
                                            in_words(loads), target.loads_per_gate.value_or(0))});
  }
  std::uint64_t spawns = 0;
  for (const Operation& op : evidence.operations) {
    if (op.kind != OpKind::kSpawn || op.outcome != OpOutcome::kOk) continue;
    if (op.client == kSetupClient) continue;  // before the watch began
    const auto loads = by_op.find(op.id);
    if (loads == by_op.end()) {
      tally.missing(check::Story::name(op) + " was acknowledged, but no read of it was seen");
      continue;
    }
    ++spawns;
    tally.fact();
    if (loads->second.unlocked == 0 && loads->second.locked == *target.loads_per_spawn) continue;
    tally.violation({.summary = fmt::format("{} {}; promised are {} under the lock; agent {}.",
                                            check::Story::name(op), in_words(loads->second),
                                            *target.loads_per_spawn, op.agent),
                     .agent = op.agent,
                     .at = *op.completed});
  }
  return std::move(tally).finish(fmt::format("{} and {}", check::count_of(spawns, "spawn"),
                                             check::count_of(gates, "other reader")));
}

}  // namespace stress
