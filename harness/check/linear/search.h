#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "harness/check/linear/configurations.h"
#include "harness/check/linear/model.h"
#include "harness/check/linear/placed_set.h"
#include "harness/check/linear/timeline.h"

namespace stress::linear {

struct SearchResult {
  Verdict verdict = Verdict::kUnknown;
  /// kIllegal: an operation with whose completion the history was so, if not before.
  std::optional<std::uint32_t> blocked;
  std::size_t configurations = 0;  ///< different ones that were visited
  bool out_of_memory = false;      ///< else kUnknown is for want of time
};

/// Wing and Gong's search for an order, with Lowe's memory of configurations.
///
/// Policy. A configuration is the set of operations placed so far and the state after them. Next
/// may come whatever was invoked before the first completion of what is not placed; in order of
/// invocation, and those without completion last, since nobody waits for them. It is a success when
/// all completed operations are placed. What need not be tried:
/// - beside a legal read: anything. Whatever comes later may come after it as well.
/// - of equal calls all but the one to be completed first: the two could change places.
/// - a configuration that somebody completes in who cannot be answered any more (see KnowsTheDark).
/// Steps into the dark are tried after the others: what nobody sees is seldom in a hurry.
template <Model M>
class Search {
 public:
  using State = typename M::State;
  using Call = typename M::Call;
  /// Called with the last state of each success; true: look for others too.
  using Found = std::function<bool(const State&)>;

  /// `operations` by invocation. They and the model must outlive it.
  Search(const M& model, std::span<const Timed<Call>> operations, const Limits& limits)
      : Search(model, operations, spans_of(operations), limits) {}

  /// With `found`: kOk where that said to stop; else kIllegal, also after successes.
  SearchResult run(const Found& found = {}) {
    SearchResult result;
    for (std::size_t steps = 0; steps % kStepsBetweenLooks != 0 || !limits_.is_over(); ++steps) {
      if (configurations_.bytes_after_add(key_.capacity()) + held_bytes() >
          limits_.memory_bytes_max) {
        result.out_of_memory = true;
        break;
      }
      bool stuck = false;
      if (timeline_.required_left() == 0) {
        if (!found || !found(state_)) {
          result.verdict = Verdict::kOk;
          break;
        }
        stuck = true;
      } else if (fresh_ && is_doomed()) {
        stuck = true;
      } else {
        fresh_ = false;
        const auto operation = candidate();
        if (operation) {
          stuck = !place(*operation);
        } else {
          note_blocked(Timeline::operation(cursor_.event));
          stuck = true;
        }
      }
      if (stuck && !go_back()) {
        result.verdict = Verdict::kIllegal;
        result.blocked = blocked_;
        break;
      }
    }
    result.configurations = configurations_.size();
    return result;
  }

 private:
  static constexpr std::size_t kStepsBetweenLooks = 256;

  /// What to try next: the required ones up to the first reply, then open ones.
  struct Cursor {
    Timeline::Event event = Timeline::kEnd;
    Timeline::Event open = Timeline::kEnd;
    bool skipped_dark = false;
    bool into_dark = false;  ///< once more from the beginning, for what was skipped
  };
  struct Frame {
    std::uint32_t operation;
    bool for_good;  ///< nothing else need be tried in its place
    Cursor cursor;
    State before;
  };

  static std::vector<Span> spans_of(std::span<const Timed<Call>> operations) {
    std::vector<Span> spans;
    spans.reserve(operations.size());
    for (const auto& operation : operations) spans.push_back(operation.span);
    return spans;
  }

  Search(const M& model, std::span<const Timed<Call>> operations, const std::vector<Span>& spans,
         const Limits& limits)
      : model_(model),
        operations_(operations),
        limits_(limits),
        timeline_(spans),
        placed_(spans),
        state_(model.initial()) {
    model_.encode(state_, words_);
    number_calls();
    rewind();
  }

  /// Equal calls get equal numbers.
  void number_calls() {
    std::vector<std::uint32_t> sorted(operations_.size());
    std::iota(sorted.begin(), sorted.end(), 0);
    const auto call = [this](std::uint32_t i) -> const Call& { return operations_[i].call; };
    std::ranges::sort(sorted, {}, call);
    call_number_.resize(sorted.size());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      const bool same = call(sorted[i]) == call(sorted[i - 1]);
      call_number_[sorted[i]] = call_number_[sorted[i - 1]] + (same ? 0 : 1);
    }
  }

  [[nodiscard]] std::size_t held_bytes() const {
    return operations_.size() * 2 * sizeof(Timed<Call>) + frames_.capacity() * sizeof(Frame);
  }

  void rewind() { cursor_ = {timeline_.first(), timeline_.first_open()}; }

  std::optional<std::uint32_t> candidate() {
    if (!Timeline::is_reply(cursor_.event)) return cursor_.event;
    const Moment reply = operations_[Timeline::operation(cursor_.event)].span.completed;
    if (cursor_.open != Timeline::kEnd && operations_[cursor_.open].span.invoked <= reply) {
      return cursor_.open;
    }
    if (!cursor_.skipped_dark || cursor_.into_dark) return std::nullopt;
    rewind();
    cursor_.into_dark = true;
    return candidate();
  }

  /// Whether an equal call can be next too, which is completed earlier. (Of open ones, the first.)
  [[nodiscard]] bool is_outdone(std::uint32_t operation) const {
    const auto equals = [&](std::uint32_t other) {
      return call_number_[other] == call_number_[operation];
    };
    auto event = timeline_.first();
    for (; !Timeline::is_reply(event); event = timeline_.after(event)) {
      if (event != operation && equals(event) &&
          operations_[event].span.completed < operations_[operation].span.completed) {
        return true;
      }
    }
    if (!operations_[operation].span.is_open()) return false;
    for (auto open = timeline_.first_open(); open != operation; open = timeline_.after_open(open)) {
      if (equals(open)) return true;
    }
    return false;
  }

  void advance() {
    if (Timeline::is_reply(cursor_.event)) {
      cursor_.open = timeline_.after_open(cursor_.open);
    } else {
      cursor_.event = timeline_.after(cursor_.event);
    }
  }

  /// False: it could only have been placed for good, and what that leads to was searched before.
  bool place(std::uint32_t operation) {
    const auto skip = [this] {
      advance();
      return true;
    };
    if (is_outdone(operation)) return skip();
    State next = state_;
    if (!model_.step(next, operations_[operation].call)) return skip();
    if constexpr (KnowsTheDark<M>) {
      if (model_.is_dark(next) != cursor_.into_dark) {
        cursor_.skipped_dark = true;
        return skip();
      }
    }
    next_words_.clear();
    model_.encode(next, next_words_);
    const bool unchanged = next_words_ == words_;
    if (unchanged && operations_[operation].span.is_open()) return skip();
    const bool for_good = model_.is_read(operations_[operation].call);
    placed_.flip(operation);
    key_.assign(next_words_.begin(), next_words_.end());
    placed_.encode(key_);
    if (!configurations_.add(key_)) {
      placed_.flip(operation);
      return !for_good && skip();
    }
    timeline_.lift(operation);
    frames_.push_back({operation, for_good, cursor_, std::exchange(state_, std::move(next))});
    words_.swap(next_words_);
    rewind();
    fresh_ = true;
    return true;
  }

  /// To the last choice that has an alternative; false: there is none.
  bool go_back() {
    while (!frames_.empty()) {
      Frame frame = std::move(frames_.back());
      frames_.pop_back();
      timeline_.put_back(frame.operation);
      placed_.flip(frame.operation);
      state_ = std::move(frame.before);
      if (frame.for_good) continue;
      words_.clear();
      model_.encode(state_, words_);
      cursor_ = frame.cursor;
      advance();
      fresh_ = false;
      return true;
    }
    return false;
  }

  void note_blocked(std::uint32_t operation) {
    if (!blocked_ ||
        operations_[operation].span.completed > operations_[*blocked_].span.completed) {
      blocked_ = operation;
    }
  }

  /// Whether somebody who needs light and may be next can no longer be answered: neither the state
  /// leads there, nor can anybody revive in time who would.
  bool is_doomed() {
    if constexpr (KnowsTheDark<M>) {
      reviving_.clear();
      std::size_t window = 0;  // of those invoked before the first reply: not completed so far
      Moment first_reply = kNever;
      for (auto event = timeline_.first(); first_reply == kNever || window > 0;
           event = timeline_.after(event)) {
        const std::uint32_t operation = Timeline::operation(event);
        const auto& [span, call] = operations_[operation];
        if (!Timeline::is_reply(event)) {
          if (first_reply == kNever) ++window;
          if (model_.revives(call)) reviving_.push_back(operation);
          continue;
        }
        first_reply = std::min(first_reply, span.completed);
        if (span.invoked <= first_reply) --window;
        if (model_.needs_light(call) && !is_in_reach(operation)) {
          note_blocked(operation);
          return true;
        }
      }
    }
    return false;
  }

  bool is_in_reach(std::uint32_t operation)
    requires KnowsTheDark<M>
  {
    const Timed<Call>& wanted = operations_[operation];
    if (model_.may_lead_to(state_, wanted.call)) return true;
    const auto leads = [&](std::uint32_t reviving) {
      return model_.revives_for(operations_[reviving].call, wanted.call);
    };
    if (std::ranges::any_of(reviving_, leads)) return true;
    for (auto open = timeline_.first_open();
         open != Timeline::kEnd && operations_[open].span.invoked <= wanted.span.completed;
         open = timeline_.after_open(open)) {
      if (model_.revives(operations_[open].call) && leads(open)) return true;
    }
    return false;
  }

  const M& model_;
  std::span<const Timed<Call>> operations_;
  Limits limits_;
  Timeline timeline_;
  PlacedSet placed_;
  Configurations configurations_;
  State state_;
  std::vector<std::uint32_t> call_number_;
  std::vector<std::uint64_t> words_, next_words_, key_;
  Cursor cursor_;
  bool fresh_ = true;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> reviving_;
  std::optional<std::uint32_t> blocked_;
};

template <Model M>
SearchResult search(const M& model, std::span<const Timed<typename M::Call>> operations,
                    const Limits& limits) {
  return Search<M>(model, operations, limits).run();
}

}  // namespace stress::linear
