#include "reports/model/score.h"

#include <set>
#include <tuple>

#include <fmt/format.h>

namespace report {

std::string_view to_string(SpecimenVerdict verdict) {
  switch (verdict) {
    case SpecimenVerdict::kFound:
      return "found";
    case SpecimenVerdict::kMissed:
      return "missed";
    case SpecimenVerdict::kWaiting:
      break;
  }
  return "waiting";
}

std::string_view to_string(TwinVerdict verdict) {
  switch (verdict) {
    case TwinVerdict::kClean:
      return "clean";
    case TwinVerdict::kViolated:
      return "violated";
    case TwinVerdict::kUnknown:
      return "unknown";
    case TwinVerdict::kNotRun:
      break;
  }
  return "not run";
}

ScoreTotals totals_of(const Score& score) {
  ScoreTotals totals;
  std::set<std::tuple<std::string, std::string, std::vector<std::string>>> seen;
  for (const SpecimenScore& specimen : score.specimens) {
    if (specimen.verdict == SpecimenVerdict::kWaiting) {
      ++totals.waiting;
      continue;
    }
    ++totals.of;
    totals.found += specimen.verdict == SpecimenVerdict::kFound ? 1 : 0;
    if (specimen.twin_verdict == TwinVerdict::kNotRun) continue;
    if (!seen.emplace(specimen.twin, specimen.engine, specimen.arguments).second) continue;
    ++totals.twins;
    totals.twins_clean += specimen.twin_verdict == TwinVerdict::kClean ? 1 : 0;
  }
  return totals;
}

std::string in_one_line(const Score& score) {
  const ScoreTotals totals = totals_of(score);
  const std::string twins =
      totals.twins_clean == totals.twins
          ? fmt::format("no violation on {} twin{}", totals.twins, totals.twins == 1 ? "" : "s")
          : fmt::format("{} of {} twins not clean", totals.twins - totals.twins_clean,
                        totals.twins);
  return fmt::format("found {} of {}, {}{}{}", totals.found, totals.of, twins,
                     totals.waiting > 0 ? fmt::format("; {} waiting", totals.waiting) : "",
                     score.interrupted ? "; interrupted" : "");
}

}  // namespace report
