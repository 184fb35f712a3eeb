#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/linear/register.h"
#include "harness/check/linear/search.h"

namespace stress::linear {

/// A sequential object with all that is known about it: how to rule on a history without a search,
/// if that is possible; which operation may have seen which write; and what would have been legal,
/// as a plain model and its answers in words.
template <class O>
concept Object = Model<typename O::Model> && Model<typename O::Plain> &&
                 requires(const O& object, std::span<const Timed<typename O::Call>> operations,
                          const typename O::Call& call, const typename O::Plain::State& state) {
                   { object.rule(operations) } -> std::same_as<std::optional<Ruling>>;
                   { object.model(operations) } -> std::same_as<typename O::Model>;
                   { object.plain(operations) } -> std::same_as<typename O::Plain>;
                   { object.may_see(call, call) } -> std::same_as<bool>;
                   { object.answer(state, call) } -> std::same_as<std::string>;
                 };

struct Decision {
  Verdict verdict = Verdict::kUnknown;
  bool by_rule = false;
  bool out_of_memory = false;
  std::optional<std::uint32_t> blocked;      ///< as SearchResult::blocked
  std::vector<std::uint32_t> contradiction;  ///< as Ruling::contradiction
};

template <Object O>
Decision decide(const O& object, std::span<const Timed<typename O::Call>> operations,
                const Limits& limits) {
  if (limits.is_over()) return {};
  if (auto ruling = object.rule(operations)) {
    return {.verdict = ruling->legal ? Verdict::kOk : Verdict::kIllegal,
            .by_rule = true,
            .contradiction = std::move(ruling->contradiction)};
  }
  const auto model = object.model(operations);
  const SearchResult found = search(model, operations, limits);
  return {.verdict = found.verdict, .out_of_memory = found.out_of_memory, .blocked = found.blocked};
}

struct Explanation {
  /// Operations that are illegal by themselves: whatever the others returned, and whether they took
  /// effect or not, as long as nothing was written but by them. None can be left out, unless the
  /// time for shrinking was over.
  std::vector<std::uint32_t> window;
  /// The one with whose completion the history first was illegal.
  std::uint32_t blocked = 0;
  std::vector<std::string> legal;  ///< what it might have returned instead
  bool legal_complete = false;     ///< and nothing else
};

/// Tells of an illegal history of one key why it is so.
template <Object O>
class Explainer {
 public:
  using Call = typename O::Call;
  using Operations = std::vector<Timed<Call>>;

  /// `operations` by invocation. The object must outlive it.
  Explainer(const O& object, std::span<const Timed<Call>> operations, Decision decision,
            const Limits& limits)
      : object_(object),
        operations_(operations.begin(), operations.end()),
        decision_(std::move(decision)),
        limits_(limits) {}

  /// Nothing: not before the deadline.
  std::optional<Explanation> explain() {
    const auto blocked = first_blocked();
    if (!blocked) return std::nullopt;
    operations_ = until(operations_[*blocked].span.completed);
    Explanation explanation;
    explanation.blocked = *blocked;
    explanation.window = shrink(*blocked);
    ask(explanation);
    return explanation;
  }

 private:
  static constexpr std::size_t kAnswersMax = 8;

  /// What was known at that moment.
  [[nodiscard]] Operations until(Moment moment) const {
    Operations known;
    for (Timed<Call> operation : operations_) {
      if (operation.span.invoked > moment) break;
      if (operation.span.completed > moment) operation.span.completed = kNever;
      known.push_back(operation);
    }
    return known;
  }

  [[nodiscard]] Verdict verdict_on(const Operations& operations) const {
    return decide(object_, std::span<const Timed<Call>>(operations), limits_).verdict;
  }

  /// By bisection: what is illegal stays so, whatever is learnt later.
  std::optional<std::uint32_t> first_blocked() const {
    const auto completed = [&](std::uint32_t i) { return operations_[i].span.completed; };
    const Moment known = decision_.blocked ? completed(*decision_.blocked) : kNever - 1;
    std::vector<std::uint32_t> by_completion;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      if (completed(i) <= known) by_completion.push_back(i);
    }
    std::ranges::sort(by_completion, {}, completed);
    const auto first = std::ranges::partition_point(by_completion, [&](std::uint32_t i) {
      return verdict_on(until(completed(i))) == Verdict::kOk;
    });
    const bool found =
        first != by_completion.end() && verdict_on(until(completed(*first))) == Verdict::kIllegal;
    return found ? std::optional(*first) : decision_.blocked;
  }

  /// The same history with nothing known of the operations that are not kept but that they were
  /// invoked: their reads are gone, their writes may take effect or not. Writes that nobody who
  /// counts can have seen are gone too.
  [[nodiscard]] Operations weakened(const std::vector<std::uint32_t>& kept) const {
    std::vector<bool> taken(operations_.size());
    std::vector<std::uint32_t> counting = kept;
    for (const std::uint32_t i : kept) taken[i] = true;
    for (std::size_t next = 0; next < counting.size(); ++next) {
      const Call& reader = operations_[counting[next]].call;
      if (!reader.observes()) continue;
      for (std::uint32_t i = 0; i < operations_.size(); ++i) {
        if (taken[i] || !object_.may_see(operations_[i].call, reader)) continue;
        taken[i] = true;
        counting.push_back(i);
      }
    }
    std::vector<bool> is_kept(operations_.size());
    for (const std::uint32_t i : kept) is_kept[i] = true;
    Operations left;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      if (!taken[i]) continue;
      left.push_back(operations_[i]);
      if (!is_kept[i]) left.back().span.completed = kNever;
    }
    return left;
  }

  [[nodiscard]] bool suffices(const std::vector<std::uint32_t>& kept) const {
    return verdict_on(weakened(kept)) == Verdict::kIllegal;
  }

  std::vector<std::uint32_t> shrink(std::uint32_t blocked) const {
    const Decision whole = decide(object_, std::span<const Timed<Call>>(operations_), limits_);
    std::vector<std::uint32_t> kept = whole.contradiction;
    if (kept.empty() || !suffices(kept)) {
      kept.clear();
      for (std::uint32_t i = 0; i < operations_.size(); ++i) {
        if (!operations_[i].span.is_open()) kept.push_back(i);
      }
      cut_front(kept);
    }
    // Half of them, then quarters, down to each by itself.
    for (std::size_t size = std::max<std::size_t>(kept.size() / 2, 1); size > 0; size /= 2) {
      for (std::size_t at = kept.size(); at > 0 && !limits_.is_over();) {
        const std::size_t begin = at - std::min(at, size);
        std::vector<std::uint32_t> less(kept.begin(),
                                        kept.begin() + static_cast<std::ptrdiff_t>(begin));
        less.insert(less.end(), kept.begin() + static_cast<std::ptrdiff_t>(at), kept.end());
        const bool keeps_blocked = std::ranges::find(less, blocked) != less.end();
        if (keeps_blocked && suffices(less)) kept = std::move(less);
        at = begin;
      }
    }
    return kept;
  }

  /// The latest moment such that what completed after it suffices.
  void cut_front(std::vector<std::uint32_t>& kept) const {
    std::ranges::sort(kept, {}, [&](std::uint32_t i) { return operations_[i].span.completed; });
    const auto from = [&](std::size_t first) {
      return std::vector<std::uint32_t>(kept.begin() + static_cast<std::ptrdiff_t>(first),
                                        kept.end());
    };
    std::size_t good = 0;
    std::size_t bad = kept.size();
    while (bad - good > 1) {
      const std::size_t middle = good + (bad - good) / 2;
      (suffices(from(middle)) ? good : bad) = middle;
    }
    kept = from(good);
    std::ranges::sort(kept);
  }

  /// The plain object, but for one operation that is asked what it would have been answered.
  struct Asking {
    struct Call {
      typename O::Call call;
      bool asked = false;
      auto operator<=>(const Call&) const = default;
    };
    struct State {
      typename O::Plain::State object;
      std::string answer;
    };
    const O& told;
    typename O::Plain plain;

    [[nodiscard]] State initial() const { return {plain.initial(), {}}; }
    bool step(State& state, const Call& call) const {
      if (!call.asked) return plain.step(state.object, call.call);
      state.answer = told.answer(state.object, call.call);
      typename O::Plain::State next = state.object;
      if (plain.step(next, call.call)) state.object = std::move(next);
      return true;
    }
    [[nodiscard]] bool is_read(const Call& call) const {
      return !call.asked && plain.is_read(call.call);
    }
    void encode(const State& state, std::vector<std::uint64_t>& words) const {
      plain.encode(state.object, words);
      words.push_back(state.answer.size());
      for (const char c : state.answer) words.push_back(static_cast<unsigned char>(c));
    }
  };

  void ask(Explanation& explanation) const {
    std::vector<Timed<typename Asking::Call>> asking;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      asking.push_back({operations_[i].span, {operations_[i].call, i == explanation.blocked}});
    }
    const Asking model{object_, object_.plain(operations_)};
    const auto note = [&explanation](const typename Asking::State& state) {
      std::vector<std::string>& legal = explanation.legal;
      if (std::ranges::find(legal, state.answer) == legal.end()) legal.push_back(state.answer);
      return legal.size() < kAnswersMax;
    };
    const SearchResult end =
        Search<Asking>(model, std::span<const Timed<typename Asking::Call>>(asking), limits_)
            .run(note);
    explanation.legal_complete = end.verdict == Verdict::kIllegal;
    std::ranges::sort(explanation.legal);
  }

  const O& object_;
  Operations operations_;
  Decision decision_;
  Limits limits_;
};

}  // namespace stress::linear
