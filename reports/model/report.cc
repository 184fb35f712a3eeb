#include "reports/model/report.h"

namespace report {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kFail:
      return "fail";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kNotApplicable:
      return "not-applicable";
    case Verdict::kKnown:
      return "known";
  }
  return "unknown";
}

}  // namespace report
