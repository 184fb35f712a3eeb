#include <algorithm>
#include <array>
#include <string_view>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using report::InvariantResult;
using report::Verdict;

struct Untold {
  std::string_view id;
  const char* why;
};

/// What one state of an installation cannot tell.
constexpr std::array<Untold, 7> kUntold = {{
    {"acked-present", "an audit sees no spawn acknowledged"},
    {"no-lost-update", "an audit sees one state, and not who wrote it"},
    {"three-way-match", "real agents do not tell their births; see no-ghosts and no-orphans"},
    {"repair-idempotent", "an audit repairs nothing"},
    {"repair-harmless", "an audit repairs nothing"},
    {"progress", "an audit starts no operation"},
    {"clean-exit", "the installation goes on"},
}};

/// An installation without agents is no question left open.
bool without_agents(const Evidence& evidence) {
  const auto quiet = check::quiet_state(evidence);
  return quiet && quiet->records.empty();
}

}  // namespace

std::vector<InvariantResult> check_audit(const Evidence& evidence) {
  std::vector<InvariantResult> results = check_all(evidence);
  const bool empty = without_agents(evidence);
  for (InvariantResult& result : results) {
    const auto* untold = std::ranges::find(kUntold, result.id, &Untold::id);
    if (untold != kUntold.end()) {
      result = check::Tally::not_applicable(untold->id, untold->why);
    } else if (empty && result.verdict == Verdict::kUnknown && result.checked == 0) {
      result = check::Tally::not_applicable(std::string(result.id), "the registry has no agents");
    }
  }
  return results;
}

}  // namespace stress
