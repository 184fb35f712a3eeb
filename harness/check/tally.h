#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/check/story.h"
#include "harness/history/evidence.h"
#include "reports/model/report.h"

namespace stress::check {

/// "1 snapshot", "2 snapshots".
std::string count_of(std::uint64_t number, std::string_view noun);

/// One schedule of many: what it has nothing to check for, others have.
bool is_schedule(const Evidence& evidence);

/// Collects one invariant's facts and violations and turns them into its result. A violation
/// outweighs everything; else missing evidence, an unfinished run or not one fact make it unknown:
/// silence is no proof. (A schedule without a fact is not applicable.) Refers to the evidence,
/// which must outlive it.
class Tally {
 public:
  Tally(const Evidence& evidence, std::string_view id);

  /// Facts that were held against the invariant.
  void fact(std::uint64_t number = 1) { result_.checked += number; }
  [[nodiscard]] std::uint64_t facts() const { return result_.checked; }
  void violation(const Finding& finding);
  /// For a finding's words. Made at first use: most runs have nothing to tell.
  const Story& story();
  /// Something that the verdict needs is not there.
  void missing(std::string why) { missing_.push_back(std::move(why)); }

  /// `evidence` says what the facts were.
  [[nodiscard]] report::InvariantResult finish(std::string evidence) &&;

  static report::InvariantResult not_applicable(std::string_view id, std::string why);

 private:
  const Evidence& evidence_;
  std::optional<Story> story_;
  report::InvariantResult result_;
  std::vector<std::string> missing_;
};

}  // namespace stress::check
