#pragma once

#include <atomic>
#include <functional>

#include "harness/campaign/settings.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Runs `body` in a room where faults of `settings` need one, else right here. Returns what it
/// returned. Errors: kUnavailable, naming the flag and what is refused here; nothing has run then.
base::Result<int> run_where_it_belongs(const StormSettings& settings,
                                       const std::atomic<bool>& interrupted,
                                       const std::function<int()>& body);

}  // namespace stress
