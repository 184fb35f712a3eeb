#pragma once

#include <atomic>
#include <chrono>

#include "harness/campaign/crew.h"
#include "harness/campaign/stage.h"
#include "harness/campaign/stalls.h"
#include "orchestrator/base/error.h"

namespace stress {

/// How long, and for what, a small crew is waited for.
struct Attendance {
  const char* what = "the operation";  ///< in the sentence of an error
  std::chrono::milliseconds limit{60'000};
  StallWatch* stalls = nullptr;  ///< nullptr: only the limit tells
};

/// Sees a crew that is not replaced to its end. Its workers are killed where they are stuck, take
/// too long, or somebody interrupts.
/// Errors: kTimeout, saying which of the three.
base::Status attend(Crew& crew, Stage& stage, const Attendance& attendance,
                    const std::atomic<bool>& interrupted);

}  // namespace stress
