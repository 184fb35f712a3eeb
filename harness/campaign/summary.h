#pragma once

#include <vector>

#include "harness/fault/crash_plan.h"
#include "harness/history/evidence.h"
#include "reports/model/report.h"

namespace stress {

/// Figures of a run, from its evidence alone. Operations of clients of kSetupClient are the
/// harness's own and are not counted.
report::Totals count_totals(const Evidence& evidence);
std::vector<report::LatencyLine> measure_latency(const Evidence& evidence);
/// Injected faults by kind and class; `drawn` adds what was planned.
std::vector<report::FaultLine> count_faults(const Evidence& evidence,
                                            const std::vector<Hit>& drawn);

}  // namespace stress
