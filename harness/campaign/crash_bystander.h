#pragma once

#include <atomic>
#include <optional>

#include "harness/campaign/collector.h"
#include "harness/campaign/crew.h"
#include "harness/campaign/stage.h"
#include "harness/fault/hold_policy.h"
#include "orchestrator/base/error.h"

namespace stress {

/// Another process, which stands still in the middle of a spawn of its own while an operation meets
/// its fault, and goes on afterwards. Its operation is of client kBystanderClient.
/// The stage and the collector must outlive it, and it the stage's engine.
class CrashBystander {
 public:
  CrashBystander(Stage& stage, Collector& collector, const WorkerConfig& config);

  /// Returns when it stands there.
  /// Errors: kUnavailable (its spawn has no middle), kTimeout, those of Crew::start.
  base::Status start(const ScriptStep& spawn, const std::atomic<bool>& interrupted);
  /// Lets it go on, and waits for its end. Errors: kTimeout.
  base::Status finish(std::chrono::milliseconds limit, const std::atomic<bool>& interrupted);

 private:
  Stage& stage_;
  HoldPolicy policy_;
  Crew crew_;
};

}  // namespace stress
