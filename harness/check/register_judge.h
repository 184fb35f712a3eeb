#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/history/evidence.h"

namespace stress::check {

/// One field of one record as a register: what could have been written, and what was read.
///
/// Policy. An acknowledged write must have taken effect between its invocation and its reply; an
/// info write may, once, from its invocation until its end (for ever where its end is not known).
/// A read of value v is explained by a write w of v if
///   w.begin <= read.end,
///   no required write was invoked after w ended and acknowledged before the read began, and
///   w did not end before an earlier read that saw another value had begun.
/// That is necessary in every case. Where all values differ, `unique_order()` decides exactly:
/// Gibbons and Korach, "Testing shared memories" (1997): each value with its reads is one cluster
/// [min end, max begin]; two clusters contradict each other when each must precede the other.
inline constexpr Nanoseconds kAlways = std::numeric_limits<Nanoseconds>::min();
inline constexpr Nanoseconds kForEver = std::numeric_limits<Nanoseconds>::max();

struct PossibleWrite {
  Nanoseconds begin = kAlways;
  Nanoseconds end = kForEver;
  const Operation* op = nullptr;  ///< nullptr: the target's own
};

/// The possible writes of one value.
class WriteSet {
 public:
  void add(const PossibleWrite& write) { writes_.push_back(write); }
  void sort();  ///< after the last add()
  /// The latest end among those begun until `until`; none: nullopt.
  [[nodiscard]] std::optional<Nanoseconds> latest_end(Nanoseconds until) const;
  [[nodiscard]] const std::vector<PossibleWrite>& all() const { return writes_; }

 private:
  std::vector<PossibleWrite> writes_;
  std::vector<Nanoseconds> latest_;  ///< latest end of the first i + 1
};

/// Acknowledged operations, asked for the one that was invoked last among those replied to before a
/// moment.
class Acknowledged {
 public:
  void add(const Operation& op) { by_reply_.push_back({*op.completed, &op}); }
  void sort();  ///< after the last add()
  [[nodiscard]] const Operation* last_invoked_before(Nanoseconds reply_before) const;
  /// Replies at or after `from` and before `until`, by time.
  [[nodiscard]] std::vector<Nanoseconds> replies(Nanoseconds from, Nanoseconds until) const;

 private:
  struct Entry {
    Nanoseconds replied;
    const Operation* last;  ///< at first the operation itself; after sort() the last invoked so far
  };
  std::vector<Entry> by_reply_;
};

/// Consecutive reads of one value: indices into the run's readable snapshots.
struct ValueRun {
  std::string_view value;
  std::size_t first = 0;
  std::size_t last = 0;
  const ObservedAgent* record = nullptr;
};

/// A cluster of a register whose values all differ.
struct Cluster {
  std::string_view value;
  Nanoseconds min_end = kForEver;
  Nanoseconds max_begin = kAlways;
  std::size_t number = 0;  ///< the caller's own
};
/// Two that contradict each other: each must precede the other.
struct Contradiction {
  Cluster a;
  Cluster b;
};
std::optional<Contradiction> unique_order(std::vector<Cluster> clusters);

}  // namespace stress::check
