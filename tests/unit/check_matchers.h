#pragma once

#include <string>

#include <gmock/gmock.h>

#include "harness/check/invariants.h"

namespace stress::testing {

/// All that is needed to see why a test failed.
inline std::string explain(const report::InvariantResult& result) {
  std::string text = result.id + ": " + std::string(report::to_string(result.verdict)) + ", " +
                     std::to_string(result.checked) + " checked (" + result.evidence + ")";
  for (const report::Violation& violation : result.violations) text += "\n  " + violation.summary;
  return text;
}

MATCHER(Passes, "passes, having checked something") {
  *result_listener << explain(arg);
  return arg.verdict == report::Verdict::kPass && arg.checked > 0;
}

/// Exactly one violation, which names `agent` and has `text` in its summary.
MATCHER_P2(FailsOnce, agent, text, "") {
  *result_listener << explain(arg);
  return arg.verdict == report::Verdict::kFail && arg.violations_total == 1 &&
         arg.violations.front().agent == agent &&
         arg.violations.front().summary.find(text) != std::string::npos;
}

MATCHER_P(IsUnknown, text, "") {
  *result_listener << explain(arg);
  return arg.verdict == report::Verdict::kUnknown && arg.evidence.find(text) != std::string::npos;
}

MATCHER(IsNotApplicable, "") {
  *result_listener << explain(arg);
  return arg.verdict == report::Verdict::kNotApplicable && !arg.evidence.empty();
}

}  // namespace stress::testing
