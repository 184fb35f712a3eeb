#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/schedule/call_words.h"
#include "harness/schedule/moment.h"

namespace stress {

/// One step of a run as it happened: what there was to choose from, what was chosen, what the
/// chosen one did until all stood still again.
struct Step {
  Moment moment;
  Decision decision;
  std::string operation;  ///< of whoever ran or was killed
  std::string program;    ///< that he executes
  CallWords call;
  std::uint64_t bytes = 0;
  std::string result;       ///< where it is not plain
  bool changes = false;     ///< files: what is below the watched folders may be another afterwards
  bool acts = false;        ///< other programs may see that it was made; opening a file is no act
  bool locks_held = false;  ///< afterwards, as far as is known
  std::int64_t begin = 0;   ///< CLOCK_MONOTONIC nanoseconds
  std::int64_t end = 0;
};

std::string trace_line(const Decision& decision, const std::string& key);
/// What a run did, in terms that are the same in each repetition: one line a step.
std::vector<std::string> trace_of(const std::vector<Step>& steps);

}  // namespace stress
