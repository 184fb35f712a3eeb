#include "harness/check/tally.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/model/fingerprint.h"

namespace stress::check {
namespace {

constexpr std::size_t kToldInFull = 20;

}  // namespace

std::string count_of(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

bool is_schedule(const Evidence& evidence) { return evidence.run.engine == "schedule"; }

Tally::Tally(const Evidence& evidence, std::string_view id) : evidence_(evidence) {
  result_.id = id;
}

const Story& Tally::story() {
  if (!story_) story_.emplace(evidence_);
  return *story_;
}

void Tally::violation(const Finding& finding) {
  ++result_.violations_total;
  std::vector<std::string> names = finding.with;
  names.push_back(finding.agent);
  std::string fingerprint = report::fingerprint(finding.summary, names);
  ++result_.fingerprints[fingerprint];
  if (result_.violations.size() >= kToldInFull) return;
  report::Violation told;
  told.summary = finding.summary;
  told.agent = finding.agent;
  told.operations = story().operations_around(finding);
  told.fault = story().fault_before(finding);
  told.registry_before = finding.before;
  told.registry_after = finding.after;
  told.fingerprint = std::move(fingerprint);
  result_.violations.push_back(std::move(told));
}

report::InvariantResult Tally::finish(std::string evidence) && {
  result_.evidence = std::move(evidence);
  const bool violated = result_.violations_total > 0;
  const bool empty = !violated && missing_.empty() && result_.checked == 0;
  if (empty && !is_schedule(evidence_)) missing_.emplace_back("there was nothing to check");
  if (!evidence_.finished) missing_.emplace_back("the run did not come to its planned end");
  if (violated) {
    result_.verdict = report::Verdict::kFail;
    result_.unjudged = fmt::format("{}", fmt::join(missing_, "; "));
    return std::move(result_);
  }
  result_.verdict = !missing_.empty() ? report::Verdict::kUnknown
                    : empty           ? report::Verdict::kNotApplicable
                                      : report::Verdict::kPass;
  if (!missing_.empty()) {
    result_.evidence = fmt::format("{} ({})", fmt::join(missing_, "; "), result_.evidence);
  }
  return std::move(result_);
}

report::InvariantResult Tally::not_applicable(std::string_view id, std::string why) {
  report::InvariantResult result;
  result.id = id;
  result.verdict = report::Verdict::kNotApplicable;
  result.evidence = std::move(why);
  return result;
}

}  // namespace stress::check
