#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "harness/explore/settings.h"
#include "reports/model/exploration.h"

namespace stress {

/// How far an exhaustive exploration came, in a line. `open`: schedules that are known and were not
/// run; `otherwise`: what it is called where it is not exhaustive.
std::string coverage_in_words(const ExploreSettings& settings, const report::Exploration& report,
                              std::size_t open, std::string_view otherwise);

}  // namespace stress
