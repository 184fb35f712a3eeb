#include "harness/check/linear/clients.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "harness/check/story.h"

namespace stress::linear {
namespace {

constexpr std::size_t kToldInFull = 20;
constexpr std::chrono::seconds kToExplain{2};

Span span_of(const ClientOperation& op) {
  const bool known = op.outcome == OpOutcome::kOk && op.completed;
  return {static_cast<Moment>(op.invoked), known ? static_cast<Moment>(*op.completed) : kNever};
}

/// Indices of operations by key and, within one, by invocation; those that count.
std::vector<std::size_t> by_key(const ClientHistory& history) {
  std::vector<std::size_t> counts(history.values.size() + 1);
  const auto counts_for = [](const ClientOperation& op) {
    return op.outcome != OpOutcome::kRefused && (op.outcome == OpOutcome::kOk || !op.observes());
  };
  for (const ClientOperation& op : history.operations) {
    if (counts_for(op)) ++counts[op.key + 1];
  }
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  std::vector<std::size_t> sorted(counts.back());
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const ClientOperation& op = history.operations[i];
    if (counts_for(op)) sorted[counts[op.key]++] = i;
  }
  return sorted;
}

template <Object O>
class KeyByKey {
 public:
  KeyByKey(const ClientHistory& history, const O& object, const Limits& limits)
      : history_(history), object_(object), limits_(limits) {}

  ClientVerdict judge() {
    const std::vector<std::size_t> sorted = by_key(history_);
    verdict_.operations = sorted.size();
    for (std::size_t begin = 0; begin < sorted.size();) {
      const ValueTable::Id key = history_.operations[sorted[begin]].key;
      std::size_t end = begin;
      for (; end < sorted.size() && history_.operations[sorted[end]].key == key; ++end) {
      }
      judge_key(key, std::span(sorted).subspan(begin, end - begin));
      begin = end;
    }
    if (verdict_.undecided > 0) verdict_.verdict = Verdict::kUnknown;
    if (verdict_.illegal_total > 0) verdict_.verdict = Verdict::kIllegal;
    return std::move(verdict_);
  }

 private:
  void judge_key(ValueTable::Id key, std::span<const std::size_t> indices) {
    ++verdict_.keys;
    if (judge_by_commits(key, indices)) return;
    operations_.clear();
    for (const std::size_t i : indices) {
      const ClientOperation& op = history_.operations[i];
      operations_.push_back({span_of(op), object_.call(op)});
    }
    Decision decision =
        decide(object_, std::span<const Timed<typename O::Call>>(operations_), limits_);
    if (!decision.by_rule) ++verdict_.searched;
    if (decision.verdict == Verdict::kUnknown) {
      ++verdict_.undecided;
      verdict_.out_of_memory = verdict_.out_of_memory || decision.out_of_memory;
    }
    if (decision.verdict != Verdict::kIllegal) return;
    if (++verdict_.illegal_total > kToldInFull) return;
    explain(key, indices, std::move(decision));
  }

  /// False: their order is not known.
  bool judge_by_commits(ValueTable::Id key, std::span<const std::size_t> indices) {
    const auto lacks_place = [&](std::size_t i) {
      const ClientOperation& op = history_.operations[i];
      return !op.committed && !op.observes() && op.outcome == OpOutcome::kOk;
    };
    const auto has_place = [&](std::size_t i) {
      return history_.operations[i].committed.has_value();
    };
    if (std::ranges::any_of(indices, lacks_place) || std::ranges::none_of(indices, has_place)) {
      return false;
    }
    ++verdict_.by_commits;
    std::vector<Placed<typename O::Call>> placed;
    for (const std::size_t i : indices) {
      const ClientOperation& op = history_.operations[i];
      placed.push_back({span_of(op), object_.call(op), op.committed});
    }
    const auto model = object_.plain({});
    CommitOrder<typename O::Plain> order(model, placed);
    const auto problem = order.check();
    if (!problem) return true;
    if (++verdict_.illegal_total > kToldInFull) return true;
    IllegalKey& illegal = verdict_.illegal.emplace_back();
    illegal.key = key;
    illegal.commits = problem->kind;
    illegal.blocked = indices[problem->operation];
    illegal.window = {illegal.blocked};
    if (problem->kind == CommitProblem::Kind::kAgainstTime) {
      illegal.window.push_back(indices[problem->other]);
    } else if (problem->kind == CommitProblem::Kind::kWrongAnswer) {
      illegal.legal = {object_.answer(order.state(), placed[problem->operation].call)};
      illegal.legal_complete = true;
    }
    return true;
  }

  void explain(ValueTable::Id key, std::span<const std::size_t> indices, Decision decision) {
    Limits limits = limits_;
    limits.deadline = std::min(limits.deadline, std::chrono::steady_clock::now() + kToExplain);
    IllegalKey& illegal = verdict_.illegal.emplace_back();
    illegal.key = key;
    Explainer<O> explainer(object_, operations_, std::move(decision), limits);
    auto explanation = explainer.explain();
    if (!explanation) return;
    for (const std::uint32_t i : explanation->window) illegal.window.push_back(indices[i]);
    illegal.blocked = indices[explanation->blocked];
    illegal.legal = std::move(explanation->legal);
    illegal.legal_complete = explanation->legal_complete;
  }

  const ClientHistory& history_;
  const O& object_;
  Limits limits_;
  ClientVerdict verdict_;
  std::vector<Timed<typename O::Call>> operations_;
};

}  // namespace

RegisterCall RegisterObject::call(const ClientOperation& op) const {
  switch (op.function) {
    case ClientFunction::kWrite:
      return {Call::Kind::kWrite, ValueTable::kNil, op.value};
    case ClientFunction::kCas:
      return {Call::Kind::kCas, op.expected, op.value};
    default:
      return {Call::Kind::kRead, op.value, ValueTable::kNil};
  }
}

std::string RegisterObject::answer(Plain::State state, const Call& call) const {
  if (call.kind == Call::Kind::kRead) return values_.json(state);
  return call.kind == Call::Kind::kWrite || state == call.expected ? "ok" : "fail";
}

KvCall KvObject::call(const ClientOperation& op) const {
  const std::string_view text = values_.text(op.value);
  switch (op.function) {
    case ClientFunction::kPut:
      return {Call::Kind::kPut, text};
    case ClientFunction::kAppend:
      return {Call::Kind::kAppend, text};
    default:
      return {Call::Kind::kGet, text};
  }
}

std::string KvObject::answer(const std::string& state, const Call& call) {
  return call.kind == Call::Kind::kGet ? check::quote(state) : "ok";
}

ClientVerdict judge_registers(const ClientHistory& history, ValueTable::Id initial,
                              const Limits& limits) {
  const RegisterObject object(history.values, initial);
  return KeyByKey(history, object, limits).judge();
}

ClientVerdict judge_store(const ClientHistory& history, const Limits& limits) {
  const KvObject object(history.values);
  return KeyByKey(history, object, limits).judge();
}

}  // namespace stress::linear
