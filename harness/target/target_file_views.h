#pragma once

#include "harness/target/target.h"
#include "harness/target/target_file.h"

namespace stress {

// What a target file says, in the terms of the harness. Pure.

/// `live`: the installation is somebody's own, so its agents are no stand-ins.
TargetFacts facts_of(const TargetFile& file, bool live);
TargetOffers offers_of(const TargetFile& file);
SessionNaming naming_of(const TargetFile& file, bool live);

}  // namespace stress
