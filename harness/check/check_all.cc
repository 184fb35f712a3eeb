#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/linearizable.h"

namespace stress {
namespace {

using report::InvariantResult;
using report::Verdict;

constexpr std::array<Invariant, 15> kInvariants = {
    check_registry_readable, check_unique_ids,  check_acked_present,   check_no_lost_update,
    check_counts_match,      check_limits_hold, check_no_duplicates,   check_hierarchy_sound,
    check_no_ghosts,         check_no_orphans,  check_three_way_match, check_repair_idempotent,
    check_repair_harmless,   check_progress,    check_clean_exit,
};

bool any(const std::vector<InvariantResult>& results, Verdict verdict) {
  return std::ranges::find(results, verdict, &InvariantResult::verdict) != results.end();
}

}  // namespace

std::vector<InvariantResult> check_all(const Evidence& evidence) {
  std::vector<InvariantResult> results;
  results.reserve(kInvariants.size());
  for (const Invariant invariant : kInvariants) results.push_back(invariant(evidence));
  if (evidence.run.counts_loads) results.push_back(check_one_load_per_transaction(evidence));
  const auto has_client = [&](const char* client) {
    return std::ranges::find(evidence.operations, client, &Operation::client) !=
           evidence.operations.end();
  };
  if (has_client(kBystanderClient)) results.push_back(check_bystander_unharmed(evidence));
  if (has_client(kAfterwardsClient)) results.push_back(check_usable_afterwards(evidence));
  const bool in_order = std::ranges::any_of(
      evidence.operations, [](const Operation& op) { return op.committed.has_value(); });
  if (in_order) results.push_back(check_linearizable(evidence));
  return results;
}

std::vector<std::string> invariant_ids() {
  std::vector<std::string> ids;
  for (const InvariantResult& result : check_all({})) ids.push_back(result.id);
  return ids;
}

Verdict overall(const Evidence& evidence, const std::vector<InvariantResult>& results) {
  if (any(results, Verdict::kFail)) return Verdict::kFail;
  return why_unknown(evidence, results).empty() ? Verdict::kPass : Verdict::kUnknown;
}

std::string why_unknown(const Evidence& evidence, const std::vector<InvariantResult>& results) {
  if (any(results, Verdict::kFail)) return "";
  if (!evidence.troubles.empty()) {
    const std::size_t more = evidence.troubles.size() - 1;
    return "the harness had trouble: " + evidence.troubles.front().what +
           (more == 0 ? "" : fmt::format(" (and {} more)", more));
  }
  if (!evidence.finished) return "the run did not come to its planned end";
  const auto unknown = std::ranges::find(results, Verdict::kUnknown, &InvariantResult::verdict);
  if (unknown != results.end()) return unknown->id + ": " + unknown->evidence;
  const bool applied = any(results, Verdict::kPass) || any(results, Verdict::kKnown);
  return applied ? "" : "no invariant applied";
}

}  // namespace stress
