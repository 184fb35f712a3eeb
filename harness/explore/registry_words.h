#pragma once

#include <string>

#include "harness/target/observation.h"

namespace stress {

/// What a registry holds, for people: "2 agents: a-1 running, a-2 starting"; "unreadable: …".
std::string words_of(const Observation& registry);

}  // namespace stress
