#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/campaign/settings.h"
#include "harness/fault/crash_plan.h"
#include "harness/fault/fault_policy.h"
#include "harness/history/evidence.h"
#include "reports/model/report.h"

namespace stress {

/// Figures of a run, from its evidence alone. Operations of clients of kSetupClient are the
/// harness's own and are not counted.
report::Totals count_totals(const Evidence& evidence);
std::vector<report::LatencyLine> measure_latency(const Evidence& evidence);
/// Injected faults by kind and class; `drawn` adds what was planned. For a line of the fault plan
/// what is drawn is the calls that it names, hit or not.
std::vector<report::FaultLine> count_faults(const Evidence& evidence, const std::vector<Hit>& drawn,
                                            const std::vector<PlannedFault>& planned = {});

/// How crashes got into a run.
struct CrashAccount {
  std::vector<Hit> drawn;             ///< the supervisor's
  std::uint64_t random = 0;           ///< kills at moments that nobody chose
  std::vector<PlannedFault> planned;  ///< of the fault plan
  std::string unsupervised_because;   ///< empty: there was a supervisor
};

/// Everything but when it began and how long it took.
report::Report make_report(const StormSettings& settings, const Evidence& evidence,
                           const CrashAccount& crashes);

}  // namespace stress
