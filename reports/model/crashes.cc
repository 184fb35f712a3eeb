#include "reports/model/crashes.h"

#include <algorithm>

namespace report {

std::string_view to_string(PointVerdict verdict) {
  switch (verdict) {
    case PointVerdict::kOk:
      return "ok";
    case PointVerdict::kRecovered:
      return "recovered";
    case PointVerdict::kViolation:
      return "violation";
    case PointVerdict::kUnknown:
      return "unknown";
    case PointVerdict::kNotReached:
      return "not reached";
    case PointVerdict::kNotRun:
      return "not run";
  }
  return "unknown";
}

std::size_t count_of(const Crashes& crashes, PointVerdict verdict) {
  return static_cast<std::size_t>(
      std::ranges::count(crashes.points, verdict, &PointResult::verdict));
}

}  // namespace report
