#pragma once

#include <optional>

#include "harness/check/linear/model.h"
#include "harness/history/evidence.h"
#include "reports/model/report.h"

namespace stress {

/// linearizable: the lists that clients were shown, and the spawns that they were told of, have one
/// order that real time does not contradict. Where the evidence has the order of commits, that is
/// the order. Not-applicable where no list was acknowledged, the target does not promise that what
/// it acknowledges lasts, or the harness had damaged the registry. Decided exactly, in linear time,
/// for agents that nothing can have ended; with `search` also for those that operations ended, by
/// the general search within its limits, which may end unknown.
report::InvariantResult check_linearizable(const Evidence& evidence,
                                           const std::optional<linear::Limits>& search = {});

}  // namespace stress
