#pragma once

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
      return kExitPass;
    case report::Verdict::kFail:
      return kExitViolation;
    case report::Verdict::kUnknown:
      break;
  }
  return kExitUnknown;
}

}  // namespace stress
