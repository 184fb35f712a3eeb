#include "harness/schedule/step.h"

#include <fmt/format.h>

namespace stress {

std::vector<std::string> trace_of(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  lines.reserve(steps.size());
  for (const Step& step : steps) {
    lines.push_back(step.decision.act == Act::kRun
                        ? fmt::format("{}: {}", step.decision.who, step.call.key)
                        : fmt::format("{}: {}", to_string(step.decision.act), step.decision.who));
  }
  return lines;
}

}  // namespace stress
