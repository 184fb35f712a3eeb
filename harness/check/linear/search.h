#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
  /// kIllegal: the operation with whose completion the history first was so.
  std::optional<std::uint32_t> blocked;
  std::size_t configurations = 0;  ///< different ones that were visited
  bool out_of_memory = false;      ///< else kUnknown is for want of time
};

/// Wing and Gong's search for an order, with Lowe's memory of configurations.
///
/// Policy. A configuration is the set of operations placed so far and the state after them. Next
/// may come whatever was invoked before the first completion of what is not placed; in order of
/// invocation, and those without completion last, since nobody waits for them. A read can be placed
/// at once and for good: whatever comes later may come after it. It is
/// a success when all completed operations are placed. In the dark (see KnowsTheDark) a
/// configuration is given up when somebody who needs light completes before anybody can bring it.
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
    rewind();
  }

  [[nodiscard]] std::size_t held_bytes() const {
    return operations_.size() * 2 * sizeof(Timed<Call>) + frames_.capacity() * sizeof(Frame);
  }

  void rewind() { cursor_ = {timeline_.first(), timeline_.first_open()}; }

  /// Moves on over what cannot be next.
  std::optional<std::uint32_t> candidate() {
    if (!Timeline::is_reply(cursor_.event)) return cursor_.event;
    if (cursor_.open == Timeline::kEnd) return std::nullopt;
    const Moment reply = operations_[Timeline::operation(cursor_.event)].span.completed;
    if (operations_[cursor_.open].span.invoked > reply) return std::nullopt;
    return cursor_.open;
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
    State next = state_;
    if (!model_.step(next, operations_[operation].call)) return skip();
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

  bool is_doomed() {
    if constexpr (KnowsTheDark<M>) {
      if (!model_.is_dark(state_)) return false;
      for (auto event = timeline_.first(); event != Timeline::kEnd;
           event = timeline_.after(event)) {
        const std::uint32_t operation = Timeline::operation(event);
        const Call& call = operations_[operation].call;
        if (!Timeline::is_reply(event)) {
          if (model_.revives(call)) return false;
        } else if (model_.needs_light(call)) {
          if (is_revived_until(operations_[operation].span.completed)) return false;
          note_blocked(operation);
          return true;
        }
      }
    }
    return false;
  }

  bool is_revived_until(Moment moment)
    requires KnowsTheDark<M>
  {
    for (auto open = timeline_.first_open();
         open != Timeline::kEnd && operations_[open].span.invoked <= moment;
         open = timeline_.after_open(open)) {
      if (model_.revives(operations_[open].call)) return true;
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
  std::vector<std::uint64_t> words_, next_words_, key_;
  Cursor cursor_;
  bool fresh_ = true;
  std::vector<Frame> frames_;
  std::optional<std::uint32_t> blocked_;
};

template <Model M>
SearchResult search(const M& model, std::span<const Timed<typename M::Call>> operations,
                    const Limits& limits) {
  return Search<M>(model, operations, limits).run();
}

}  // namespace stress::linear
