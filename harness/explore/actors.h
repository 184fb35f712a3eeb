#pragma once

#include <vector>

#include "harness/campaign/collector.h"
#include "harness/campaign/stage.h"
#include "harness/explore/requests.h"
#include "harness/schedule/arena.h"
#include "harness/schedule/scheduler.h"

namespace stress {

/// What the harness itself does in a schedule, of those operations that are its own. All must
/// outlive the actors. `collector`: is told what was struck.
std::vector<Actor> actors_of(const std::vector<SceneOperation>& operations, Stage& stage,
                             Arena& arena, Collector& collector);

}  // namespace stress
