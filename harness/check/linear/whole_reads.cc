#include "harness/check/linear/whole_reads.h"

#include <algorithm>
#include <cstddef>

#include "harness/check/linear/blocks.h"

namespace stress::linear {
namespace {

using Kind = SetContradiction::Kind;

constexpr std::uint32_t kUnseen = 0xffff'ffff;

class Nest {
 public:
  Nest(std::span<const Span> additions, std::span<const WholeRead> reads)
      : additions_(additions), reads_(reads), first_seen_(additions.size(), kUnseen) {}

  std::optional<SetContradiction> rule() {
    if (auto apart = rank_reads()) return apart;
    // Operations by number: additions, then reads.
    std::vector<Span> spans(additions_.begin(), additions_.end());
    std::vector<Ranked> ranked;
    for (std::uint32_t i = 0; i < additions_.size(); ++i) {
      const bool seen = first_seen_[i] != kUnseen;
      if (!seen && additions_[i].is_open()) continue;
      ranked.push_back({i, seen ? 2 * first_seen_[i] : 2 * levels_});
    }
    for (std::size_t i = 0; i < by_size_.size(); ++i) {
      ranked.push_back({static_cast<std::uint32_t>(spans.size()), 2 * level_[i] + 1});
      spans.push_back(reads_[by_size_[i]].span);
    }
    const auto pair = against_time(ranked, spans);
    if (!pair) return std::nullopt;
    return told(*pair);
  }

 private:
  /// Reads by size; those of equal sets share a level.
  std::optional<SetContradiction> rank_reads() {
    by_size_.resize(reads_.size());
    for (std::uint32_t i = 0; i < reads_.size(); ++i) by_size_[i] = i;
    std::ranges::stable_sort(by_size_, {}, [&](std::uint32_t i) { return size_of(i); });
    std::vector<std::uint32_t> seen_by(additions_.size(), kUnseen);
    for (std::size_t i = 0; i < by_size_.size(); ++i) {
      const std::uint32_t read = by_size_[i];
      const bool same = i > 0 && size_of(by_size_[i - 1]) == size_of(read);
      if (i > 0 && !same) ++levels_;
      level_.push_back(levels_);
      std::size_t common = 0;
      for (const std::uint32_t element : reads_[read].elements) {
        if (i > 0 && seen_by[element] == by_size_[i - 1]) ++common;
        seen_by[element] = read;
        first_seen_[element] = std::min(first_seen_[element], levels_);
      }
      if (i > 0 && common != size_of(by_size_[i - 1])) return not_nested(by_size_[i - 1], read);
    }
    if (!by_size_.empty()) ++levels_;
    return std::nullopt;
  }

  [[nodiscard]] std::size_t size_of(std::uint32_t read) const {
    return reads_[read].elements.size();
  }
  [[nodiscard]] bool contains(std::uint32_t read, std::uint32_t element) const {
    return std::ranges::find(reads_[read].elements, element) != reads_[read].elements.end();
  }
  /// One that `read` saw and `other` did not; there is one.
  [[nodiscard]] std::uint32_t seen_only_by(std::uint32_t read, std::uint32_t other) const {
    return *std::ranges::find_if(reads_[read].elements,
                                 [&](std::uint32_t element) { return !contains(other, element); });
  }

  [[nodiscard]] SetContradiction not_nested(std::uint32_t a, std::uint32_t b) const {
    return {Kind::kNotNested, a, b, seen_only_by(a, b), seen_only_by(b, a)};
  }

  /// A read that saw `x` and not `y`, where x was seen first.
  [[nodiscard]] std::uint32_t read_between(std::uint32_t x, std::uint32_t y) const {
    return *std::ranges::find_if(
        by_size_, [&](std::uint32_t read) { return contains(read, x) && !contains(read, y); });
  }

  /// `first` is ranked below `second`, and began when that was over.
  [[nodiscard]] SetContradiction told(const AgainstTime& pair) const {
    const std::size_t count = additions_.size();
    const bool first_is_read = pair.first >= count;
    const bool second_is_read = pair.second >= count;
    const auto read = [&](std::uint32_t operation) { return by_size_[operation - count]; };
    if (first_is_read && second_is_read) {
      const std::uint32_t late = read(pair.first);
      const std::uint32_t early = read(pair.second);
      return {.kind = Kind::kStale, .a = early, .b = late, .x = seen_only_by(early, late)};
    }
    if (first_is_read) return {.kind = Kind::kLost, .a = read(pair.first), .x = pair.second};
    if (second_is_read) return {.kind = Kind::kTooEarly, .a = read(pair.second), .x = pair.first};
    return {.kind = Kind::kOutOfOrder,
            .a = read_between(pair.first, pair.second),
            .x = pair.second,
            .y = pair.first};
  }

  std::span<const Span> additions_;
  std::span<const WholeRead> reads_;
  std::vector<std::uint32_t> by_size_;
  std::vector<std::uint32_t> level_;       ///< of by_size_
  std::vector<std::uint32_t> first_seen_;  ///< the level of the first read that saw it
  std::uint32_t levels_ = 0;
};

}  // namespace

std::optional<SetContradiction> rule_whole_reads(std::span<const Span> additions,
                                                 std::span<const WholeRead> reads) {
  return Nest(additions, reads).rule();
}

}  // namespace stress::linear
