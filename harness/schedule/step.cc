#include "harness/schedule/step.h"

#include <fmt/format.h>

namespace stress {

std::string trace_line(const Decision& decision, const std::string& key) {
  if (decision.act == Act::kRun) return fmt::format("{}: {}", decision.who, key);
  return fmt::format("{}: {}", to_string(decision.act), decision.who);
}

std::vector<std::string> trace_of(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  lines.reserve(steps.size());
  for (const Step& step : steps) {
    lines.push_back(trace_line(step.decision, step.call.key));
  }
  return lines;
}

}  // namespace stress
