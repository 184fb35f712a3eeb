#pragma once

#include <string>
#include <vector>

#include "harness/history/evidence.h"
#include "reports/model/report.h"

namespace stress {

/// A judge of evidence. Pure: no clock, no file, no registry code; the same evidence gives the same
/// result. Verdicts: fail with each violation named; unknown where the evidence does not suffice
/// (said why); not-applicable where the target does not offer or promise what is needed.
using Invariant = report::InvariantResult (*)(const Evidence&);

report::InvariantResult check_registry_readable(const Evidence&);
report::InvariantResult check_unique_ids(const Evidence&);
report::InvariantResult check_acked_present(const Evidence&);
report::InvariantResult check_no_lost_update(const Evidence&);
report::InvariantResult check_counts_match(const Evidence&);
report::InvariantResult check_limits_hold(const Evidence&);
report::InvariantResult check_no_duplicates(const Evidence&);
report::InvariantResult check_hierarchy_sound(const Evidence&);
report::InvariantResult check_no_ghosts(const Evidence&);
report::InvariantResult check_no_orphans(const Evidence&);
report::InvariantResult check_three_way_match(const Evidence&);
report::InvariantResult check_repair_idempotent(const Evidence&);
report::InvariantResult check_repair_harmless(const Evidence&);
report::InvariantResult check_progress(const Evidence&);
report::InvariantResult check_clean_exit(const Evidence&);
/// Beyond the fifteen: judged only where the run watched reads of the registry.
report::InvariantResult check_one_load_per_transaction(const Evidence&);

/// Judged only where the run had such a client, see kBystanderClient and kAfterwardsClient.
report::InvariantResult check_bystander_unharmed(const Evidence&);
report::InvariantResult check_usable_afterwards(const Evidence&);

/// All of them, in the order of reports; where the evidence has the order of commits, linearizable
/// too (linearizable.h).
std::vector<report::InvariantResult> check_all(const Evidence& evidence);

/// What they are called, in the same order.
std::vector<std::string> invariant_ids();

/// The same of an audit: one state of an installation in use, and whoever starts nothing has seen
/// no operation. What one state cannot tell is not-applicable.
std::vector<report::InvariantResult> check_audit(const Evidence& evidence);

/// fail if any fails; else unknown if any is unknown or none applied, the run did not finish, or
/// the harness had trouble; else pass.
report::Verdict overall(const Evidence& evidence,
                        const std::vector<report::InvariantResult>& results);

/// One sentence on why overall() is unknown; empty where it is not.
std::string why_unknown(const Evidence& evidence,
                        const std::vector<report::InvariantResult>& results);

}  // namespace stress
