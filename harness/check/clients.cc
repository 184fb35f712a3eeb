#include "harness/check/clients.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/check/linear/clients.h"
#include "harness/check/tally.h"
#include "reports/model/fingerprint.h"

namespace stress {
namespace {

using check::count_of;
using linear::ClientVerdict;
using linear::IllegalKey;

bool is_store(const ClientHistory& history) {
  return !history.operations.empty() && history.operations.front().function >= ClientFunction::kGet;
}

/// Puts client operations into words.
class Words {
 public:
  explicit Words(const ClientHistory& history) : history_(history) {}

  [[nodiscard]] std::string request(const ClientOperation& op) const {
    std::string words(to_string(op.function));
    if (op.key != ValueTable::kNil) words += " " + key(op.key);
    if (op.function == ClientFunction::kCas) words += " " + json(op.expected) + " ->";
    if (!op.observes()) words += " " + json(op.value);
    return words;
  }
  [[nodiscard]] std::string places(const ClientOperation& op) const {
    if (!op.completed) return fmt::format("{} {}, without reply", history_.place, op.invoked);
    return fmt::format("{}s {} to {}", history_.place, op.invoked, *op.completed);
  }
  [[nodiscard]] std::string line(const ClientOperation& op) const {
    std::string words = fmt::format("{}: process {}  {}", places(op), op.process, request(op));
    if (op.observes() && op.outcome == OpOutcome::kOk) return words + " returned " + value(op);
    return words + (op.outcome == OpOutcome::kOk ? " ok" : " of unknown outcome");
  }
  /// A get of nothing is one of the empty text.
  [[nodiscard]] std::string value(const ClientOperation& op) const {
    if (op.function == ClientFunction::kGet) return check::quote(history_.values.text(op.value));
    return json(op.value);
  }
  [[nodiscard]] std::string key(ValueTable::Id id) const {
    return std::string(history_.values.text(id));
  }

 private:
  [[nodiscard]] std::string json(ValueTable::Id id) const { return history_.values.json(id); }

  const ClientHistory& history_;
};

std::string legal_words(const IllegalKey& illegal) {
  std::vector<std::string> legal = illegal.legal;
  if (legal.empty()) return "";
  if (!illegal.legal_complete) legal.emplace_back("others");
  const std::string last = std::move(legal.back());
  legal.pop_back();
  if (legal.empty()) return fmt::format("; legal here: {}", last);
  return fmt::format("; legal here: {} or {}", fmt::join(legal, ", "), last);
}

/// What is wrong with the operation, in a sentence.
std::string summary_of(const Words& words, const ClientHistory& history,
                       const IllegalKey& illegal) {
  using Kind = linear::CommitProblem::Kind;
  if (illegal.window.empty()) {
    const std::string key = words.key(illegal.key);
    return fmt::format("No order explains what was answered{}.",
                       key.empty() ? "" : " on key " + key);
  }
  const ClientOperation& op = history.operations[illegal.blocked];
  const std::string who =
      fmt::format("{} by process {} ({})", words.request(op), op.process, words.places(op));
  const std::string answer = op.observes() ? "returned " + words.value(op) : "succeeded";
  if (illegal.commits == Kind::kAgainstTime) {
    const ClientOperation& other = history.operations[illegal.window.back()];
    return fmt::format("{} was committed before {} ({}), which had completed when it began.", who,
                       words.request(other), words.places(other));
  }
  if (illegal.commits == Kind::kNoPlace) {
    return fmt::format("{} {}, which is right after no commit that it can have come after.", who,
                       answer);
  }
  return fmt::format("{} {}{}{}.", who, answer, legal_words(illegal),
                     illegal.commits ? " in the order of commits" : "");
}

report::Violation violation_of(const ClientHistory& history, const IllegalKey& illegal) {
  const Words words(history);
  report::Violation violation;
  violation.agent = words.key(illegal.key);
  violation.summary = summary_of(words, history, illegal);
  for (const std::size_t i : illegal.window) {
    violation.operations.push_back(words.line(history.operations[i]));
  }
  violation.fingerprint = report::fingerprint(violation.summary, {violation.agent});
  return violation;
}

std::string evidence_of(const ClientVerdict& verdict, std::string_view model) {
  const std::uint64_t ruled = verdict.keys - verdict.searched - verdict.by_commits;
  std::string evidence = fmt::format("{} on {} of {}: {} by their values, {} by search",
                                     count_of(verdict.operations, "operation"),
                                     count_of(verdict.keys, "key"), model, ruled, verdict.searched);
  if (verdict.by_commits > 0) {
    evidence += fmt::format(", {} by their order of commits", verdict.by_commits);
  }
  if (verdict.undecided == 0) return evidence;
  return fmt::format("out of {} on {} ({})", verdict.out_of_memory ? "memory" : "time",
                     count_of(verdict.undecided, "key"), evidence);
}

}  // namespace

report::InvariantResult check_clients(const ClientHistory& history, ValueTable::Id initial,
                                      const linear::Limits& limits) {
  const bool store = is_store(history);
  const ClientVerdict verdict = store ? linear::judge_store(history, limits)
                                      : linear::judge_registers(history, initial, limits);
  report::InvariantResult result;
  result.id = "linearizable";
  result.checked = verdict.operations;
  result.evidence = evidence_of(verdict, store ? "a store" : "a register");
  result.violations_total = verdict.illegal_total;
  for (const IllegalKey& illegal : verdict.illegal) {
    result.violations.push_back(violation_of(history, illegal));
    ++result.fingerprints[result.violations.back().fingerprint];
  }
  result.verdict = report::Verdict::kPass;
  if (verdict.verdict == linear::Verdict::kIllegal) result.verdict = report::Verdict::kFail;
  if (verdict.verdict == linear::Verdict::kUnknown) result.verdict = report::Verdict::kUnknown;
  if (verdict.operations == 0) {
    result.verdict = report::Verdict::kUnknown;
    result.evidence = "there was nothing to check";
  }
  return result;
}

}  // namespace stress
