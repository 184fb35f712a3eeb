#include "harness/campaign/killed_commands.h"

#include <set>

namespace stress {

void reopen_killed_commands(Evidence& evidence) {
  std::set<std::uint64_t> killed;
  for (const Fault& fault : evidence.faults) {
    // Crashes of a storm and kills of its fault plan alike: only these have a variant.
    if (fault.variant == "process" && fault.injected && fault.op) {
      killed.insert(*fault.op);
    }
  }
  for (Operation& op : evidence.operations) {
    if (op.outcome == OpOutcome::kInfo && killed.contains(op.id)) op.completed.reset();
  }
}

}  // namespace stress
