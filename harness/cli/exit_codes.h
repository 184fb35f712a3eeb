#pragma once

#include <cstdio>
#include <string_view>

#include "harness/cli/say.h"
#include "reports/model/report.h"

namespace stress {

inline constexpr int kExitPass = 0;
inline constexpr int kExitViolation = 1;
inline constexpr int kExitUnknown = 2;
inline constexpr int kExitUsage = 254;
inline constexpr int kExitInternal = 255;

inline int exit_code(report::Verdict verdict) {
  switch (verdict) {
    case report::Verdict::kPass:
    case report::Verdict::kNotApplicable:
    case report::Verdict::kKnown:
      return kExitPass;
    case report::Verdict::kFail:
      return kExitViolation;
    case report::Verdict::kUnknown:
      break;
  }
  return kExitUnknown;
}

/// Says what was wrong and what would be right; kExitUsage.
inline int usage_error(std::string_view subcommand, std::string_view sentence) {
  say(stderr, "stress {}: {}\n", subcommand, sentence);
  return kExitUsage;
}

}  // namespace stress
