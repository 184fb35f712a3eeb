#pragma once

#include <functional>
#include <string>

#include "harness/campaign/canaries.h"
#include "harness/campaign/collector.h"
#include "harness/campaign/snapshots.h"
#include "harness/campaign/stage.h"

namespace stress {

/// What each run ends with, once its workers are told to stop: all comes to rest, `damage` is done
/// to the registry (see Aftermath::damage; "none": none), the target repairs itself, everything is
/// looked at, all of it is shut down, and what is left over is listed. The evidence is finished
/// then; where nothing comes to rest it is not. `after_repair` may use the repaired target; where
/// it returns false, nothing more is done.
void close_run(Stage& stage, Snapshots& snapshots, Canaries& canaries, Collector& collector,
               const std::string& damage, const std::function<bool()>& after_repair = {});

}  // namespace stress
