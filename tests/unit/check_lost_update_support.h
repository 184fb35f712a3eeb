#pragma once

#include "tests/unit/check_matchers.h"
#include "tests/unit/evidence_builder.h"

namespace stress::testing {

/// An agent, acknowledged and seen with an empty message, progress 0 and status running at 3.
inline RunStory one_agent() {
  RunStory run;
  run.spawn("a", 0, 2);
  run.record("a").fields = {{"message", ""}, {"progress", "0"}};
  run.snapshot(3, 4);
  return run;
}

inline report::InvariantResult judge(const RunStory& run) {
  return check_no_lost_update(run.evidence());
}

}  // namespace stress::testing
