#include "reports/model/baseline.h"

namespace report {

void Baseline::add(const InvariantResult& result) {
  for (const auto& [fingerprint, count] : result.fingerprints) {
    kinds_.emplace(result.id, fingerprint);
  }
}

void Baseline::mark(InvariantResult& result) {
  if (result.verdict != Verdict::kFail) return;
  for (const auto& [fingerprint, count] : result.fingerprints) {
    if (!kinds_.contains({result.id, fingerprint})) continue;
    seen_.emplace(result.id, fingerprint);
    result.violations_known += count;
  }
  for (Violation& violation : result.violations) {
    violation.known = kinds_.contains({result.id, violation.fingerprint});
  }
  known_ += result.violations_known;
  fresh_ += result.violations_total - result.violations_known;
  if (result.violations_known < result.violations_total) return;
  result.verdict = result.unjudged.empty() ? Verdict::kKnown : Verdict::kUnknown;
  if (!result.unjudged.empty()) result.evidence = result.unjudged + " (" + result.evidence + ")";
}

std::vector<std::string> Baseline::not_seen() const {
  std::vector<std::string> lines;
  for (const Kind& kind : kinds_) {
    if (!seen_.contains(kind)) lines.push_back(kind.first + ": " + kind.second);
  }
  return lines;
}

}  // namespace report
