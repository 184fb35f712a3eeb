#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "harness/supervise/blind_spots.h"

namespace stress {

/// One way around the supervisor, for people.
struct BlindSpotNote {
  std::string words;    ///< a sentence, without the random parts of names
  bool missed = false;  ///< it was gone, and effects may have been missed; else it was refused
  auto operator<=>(const BlindSpotNote&) const = default;
};

/// Of mapped files only those below `watched` count.
std::set<BlindSpotNote> blind_spot_notes(const std::vector<BlindSpot>& spots,
                                         const std::vector<std::filesystem::path>& watched);

}  // namespace stress
