#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reports/model/report.h"

namespace report {

/// Violations that are known from earlier reports: a violation is known where one of them has a
/// violation of the same invariant with the same fingerprint. Not thread-safe.
class Baseline {
 public:
  /// Known from now on. A report from before there were fingerprints has none to give.
  void add(const InvariantResult& result);

  /// Says of a violated invariant which of its violations are known, and makes its verdict kKnown
  /// where all are; kUnknown where there was more that could not be judged.
  void mark(InvariantResult& result);

  [[nodiscard]] std::uint64_t known() const { return known_; }  ///< marked so far
  [[nodiscard]] std::uint64_t fresh() const { return fresh_; }  ///< not known, so far
  /// "no-ghosts: Agent * …": what is known and did not come up.
  [[nodiscard]] std::vector<std::string> not_seen() const;

 private:
  using Kind = std::pair<std::string, std::string>;  ///< invariant, fingerprint
  std::set<Kind> kinds_;
  std::set<Kind> seen_;
  std::uint64_t known_ = 0;
  std::uint64_t fresh_ = 0;
};

}  // namespace report
