#pragma once

#include <string>
#include <vector>

#include "harness/campaign/stage.h"

namespace stress {

/// One thing that was tried, and what was understood of it.
struct RehearsalLine {
  enum class Kind { kGood, kBad, kNote };
  Kind kind = Kind::kGood;
  std::string step;  ///< "spawn", "registry", …
  std::string text;
};

/// Everything that a target offers once, on a stage where nothing else happens, and each thing
/// looked for where its file says it is: for the author of the file. The target has one agent
/// afterwards, or none.
std::vector<RehearsalLine> rehearse(Stage& stage);

}  // namespace stress
