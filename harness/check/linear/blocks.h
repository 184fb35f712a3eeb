#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/check/linear/model.h"

namespace stress::linear {

/// An operation at its place in an order that is known in part: a lower rank comes first, within
/// one rank real time is free to decide.
struct Ranked {
  std::uint32_t operation;
  std::uint32_t rank;
};

/// `first` has the lower rank, and was invoked only after `second` had completed.
struct AgainstTime {
  std::uint32_t first;
  std::uint32_t second;
};
/// Sorts `ranked` by rank. Exact: without such a pair, ranks and real time have a common order.
std::optional<AgainstTime> against_time(std::span<Ranked> ranked, std::span<const Span> spans);

/// Operations in blocks, none of which another one can stand inside of: a value's writer and all
/// its readers, or a chain of such. Decides whether blocks can stand one after the other so that
/// real time and the ranks within each are kept.
///
/// Gibbons and Korach's argument carries over from their clusters: A must precede B where an
/// operation of A completes before one of B is invoked, that is min end(A) < max begin(B); in a
/// circle of such blocks all precede the one with the greatest max begin, so there is a circle of
/// two.
class Blocks {
 public:
  /// Starts the next one. `before_all`: of what was there before any operation.
  void begin(bool before_all = false) { begins_.push_back({items_.size(), before_all}); }
  /// To that begun last.
  void add(std::uint32_t operation, std::uint32_t rank) { items_.push_back({operation, rank}); }

  /// None: there is an order. Else the operations that contradict each other, sorted: two of one
  /// block, or up to four of two.
  std::optional<std::vector<std::uint32_t>> contradiction(std::span<const Span> spans);

 private:
  struct Begin {
    std::size_t item;
    bool before_all;
  };
  std::vector<Ranked> items_;
  std::vector<Begin> begins_;
};

}  // namespace stress::linear
