#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/check/linear/model.h"

namespace stress::linear {

/// A set that only grows: each element is added once, a read returns all there are. (Jepsen calls
/// such histories set-full.)
struct WholeRead {
  Span span;
  std::vector<std::uint32_t> elements;  ///< numbers of additions, each once
};

/// Why there is no order.
struct SetContradiction {
  enum class Kind {
    kNotNested,  ///< two reads of which neither saw all that the other did: reads a, b; each saw x,
                 ///< y
    kTooEarly,   ///< read a saw x (or what came after it) before its addition began
    kLost,       ///< addition x was over before read a began, which did not see it
    kStale,      ///< read b began after read a was over, and did not see x, which that had seen
    kOutOfOrder  ///< addition y began after x was over; read a saw y and not x
  };
  Kind kind = Kind::kNotNested;
  std::uint32_t a = 0, b = 0;  ///< reads
  std::uint32_t x = 0, y = 0;  ///< additions
};

/// Exact, and linear but for sorting. Reads must be nested; then an addition belongs right before
/// the first read that saw it (and one that nobody saw, behind all), which ranks everything; within
/// a rank nobody can tell, and real time must not contradict the ranks. An addition without
/// completion that nobody saw says nothing.
std::optional<SetContradiction> rule_whole_reads(std::span<const Span> additions,
                                                 std::span<const WholeRead> reads);

}  // namespace stress::linear
