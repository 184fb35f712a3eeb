#pragma once

#include "orchestrator/registry/store.h"

namespace orc {

/// Adds one agent to the agent counts.
void count_agent(Counts& counts, AgentStatus status);

/// The registry's counts as stored.
Json counts_json(const Counts& counts);
/// A task's counts as stored: those of its agents only.
Json task_counts_json(const Counts& counts);
/// What is missing or no number counts as 0.
Counts counts_from_json(const Json& json);

}  // namespace orc
