#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "harness/check/linear/blocks.h"
#include "harness/check/linear/model.h"

namespace stress::linear {

/// An operation whose place in the order of commits may be known.
template <class Call>
struct Placed {
  Span span;
  Call call;
  std::optional<std::uint64_t> committed;
};

/// What is wrong with an order of commits.
struct CommitProblem {
  enum class Kind {
    kAgainstTime,  ///< `operation` committed before `other`, and was invoked after that had
                   ///< completed
    kWrongAnswer,  ///< not what the commits before it make of it
    kNoPlace       ///< a read without a place: right after no commit where it could have been
  };
  Kind kind = Kind::kWrongAnswer;
  std::uint32_t operation = 0;
  std::uint32_t other = 0;
};

/// Strict serializability against a known order of commits, exactly. Operations with a place are
/// taken in its order. Completed ones without must be such as leave the state alone (kNoPlace
/// where one does not): each is right after some commit, in real time with all others; the earliest
/// place is the best, as it leaves most to those that come later. Open ones without a place had no
/// effect. One state is kept, and each step is made once, beside a look at the reads that are in
/// flight there; so the time is linear for a bounded number of clients.
template <Model M>
class CommitOrder {
 public:
  using Call = typename M::Call;

  CommitOrder(const M& model, std::span<const Placed<Call>> operations)
      : model_(model), operations_(operations), state_(model.initial()) {}

  /// None: the order explains everything.
  std::optional<CommitProblem> check() {
    sort_out();
    if (const auto pair = against_time(order_, spans_)) {
      return CommitProblem{CommitProblem::Kind::kAgainstTime, pair->first, pair->second};
    }
    bound_reads();
    for (std::size_t place = 0;; ++place) {
      if (const auto problem = place_reads(place)) return problem;
      if (place == order_.size()) return std::nullopt;
      const std::uint32_t operation = order_[place].operation;
      if (!model_.step(state_, operations_[operation].call)) {
        return CommitProblem{CommitProblem::Kind::kWrongAnswer, operation, 0};
      }
    }
  }

  /// kWrongAnswer: what the commits before it make. (No call of a model changes it in saying no.)
  [[nodiscard]] const typename M::State& state() const { return state_; }

 private:
  struct Read {
    std::uint32_t operation;
    std::size_t from = 0;   ///< so many commits are before it, at least
    std::size_t until = 0;  ///< at most
  };

  void sort_out() {
    std::vector<std::uint32_t> committed;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      spans_.push_back(operations_[i].span);
      if (operations_[i].committed) {
        committed.push_back(i);
      } else if (!operations_[i].span.is_open()) {
        reads_.push_back({i});
      }
    }
    std::ranges::sort(committed, {}, [&](std::uint32_t i) { return *operations_[i].committed; });
    for (const std::uint32_t i : committed) {
      order_.push_back({i, static_cast<std::uint32_t>(order_.size())});
    }
  }

  /// Commits that were over before a read are before it, those that began after it are not.
  void bound_reads() {
    std::vector<Ranked> by_time = order_;
    std::ranges::sort(by_time, {}, [&](const Ranked& r) { return spans_[r.operation].completed; });
    std::ranges::sort(reads_, {}, [&](const Read& r) { return spans_[r.operation].invoked; });
    std::size_t from = 0;
    auto next = by_time.begin();
    for (Read& read : reads_) {
      const Moment invoked = spans_[read.operation].invoked;
      for (; next != by_time.end() && spans_[next->operation].completed < invoked; ++next) {
        from = std::max(from, std::size_t{next->rank} + 1);
      }
      read.from = from;
    }
    std::ranges::sort(by_time, std::greater{},
                      [&](const Ranked& r) { return spans_[r.operation].invoked; });
    std::ranges::sort(reads_, std::greater{},
                      [&](const Read& r) { return spans_[r.operation].completed; });
    std::size_t until = order_.size();
    next = by_time.begin();
    for (Read& read : reads_) {
      const Moment completed = spans_[read.operation].completed;
      for (; next != by_time.end() && spans_[next->operation].invoked > completed; ++next) {
        until = std::min(until, std::size_t{next->rank});
      }
      read.until = until;
    }
    std::ranges::sort(reads_, {}, &Read::from);
  }

  /// Those that the state after `place` commits explains, if nobody who has to be before them
  /// waits.
  std::optional<CommitProblem> place_reads(std::size_t place) {
    for (; arrived_ < reads_.size() && reads_[arrived_].from <= place; ++arrived_) {
      waiting_.push_back(reads_[arrived_]);
    }
    std::ranges::sort(waiting_, {},
                      [&](const Read& read) { return spans_[read.operation].completed; });
    Moment first_waiting = kNever;
    std::size_t kept = 0;
    for (const Read& read : waiting_) {
      const Span& span = spans_[read.operation];
      const Call& call = operations_[read.operation].call;
      if (span.invoked <= first_waiting && model_.is_read(call) && model_.step(state_, call))
        continue;
      if (read.until <= place) {
        return CommitProblem{CommitProblem::Kind::kNoPlace, read.operation, 0};
      }
      first_waiting = std::min(first_waiting, span.completed);
      waiting_[kept++] = read;
    }
    waiting_.resize(kept);
    return std::nullopt;
  }

  const M& model_;
  std::span<const Placed<Call>> operations_;
  typename M::State state_;
  std::vector<Span> spans_;
  std::vector<Ranked> order_;
  std::vector<Read> reads_;
  std::size_t arrived_ = 0;
  std::vector<Read> waiting_;
};

template <Model M>
std::optional<CommitProblem> check_commits(const M& model,
                                           std::span<const Placed<typename M::Call>> operations) {
  return CommitOrder<M>(model, operations).check();
}

}  // namespace stress::linear
