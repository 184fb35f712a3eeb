#include "harness/campaign/blind_spot_notes.h"

#include <fmt/format.h>

#include "harness/fault/crash_point.h"
#include "harness/supervise/random_parts.h"

namespace stress {

std::set<BlindSpotNote> blind_spot_notes(const std::vector<BlindSpot>& spots,
                                         const std::vector<std::filesystem::path>& watched) {
  std::set<BlindSpotNote> notes;
  for (const auto& [kind, subject] : spots) {
    switch (kind) {
      case BlindSpot::Kind::kUring:
        notes.insert({fmt::format("io_uring was refused to {} (ENOSYS), as what goes through it "
                                  "would not be seen",
                                  subject),
                      false});
        break;
      case BlindSpot::Kind::kForeignCall:
        notes.insert({fmt::format("system calls other than those of x86-64 (32-bit, x32) were "
                                  "refused to {} (ENOSYS)",
                                  subject),
                      false});
        break;
      case BlindSpot::Kind::kSharedMapping:
        if (!is_watched(subject, watched)) break;
        notes.insert(
            {fmt::format("writable shared mapping of {}: stores through it are not seen",
                         mask_random_parts(std::filesystem::path(subject).filename().native())),
             true});
        break;
    }
  }
  return notes;
}

}  // namespace stress
