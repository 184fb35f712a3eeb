#pragma once

#include <vector>

#include "orchestrator/core/diagnosis.h"

namespace orc {

/// Active records against the listings, and marked sessions against the active records.
void diagnose_sessions(const Workspace& workspace, const Observation& seen,
                       std::vector<Problem>& out);

/// A record that has ended for good: does its process live on outside of any session?
void diagnose_ended(const Observation& seen, const Agent& agent, std::vector<Problem>& out);

}  // namespace orc
