#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/check/linear/model.h"

namespace stress::linear {

/// Which operations a search has placed, as few words. Required ones are numbered by invocation, so
/// all but a window of them are either placed or far from it, and only the window is written; open
/// ones have numbers of their own, or each would hold the window open for ever.
class PlacedSet {
 public:
  explicit PlacedSet(std::span<const Span> spans) : number_(spans.size()) {
    std::uint32_t required = 0;
    std::uint32_t open = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
      number_[i] = spans[i].is_open() ? kOpen | open++ : required++;
    }
    required_.resize((required + 63) / 64);
    open_.resize((open + 63) / 64);
  }

  void flip(std::uint32_t operation) {
    const std::size_t number = number_[operation] & ~kOpen;
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    const std::size_t word = number / 64;
    if ((number_[operation] & kOpen) != 0) {
      open_[word] ^= bit;
      return;
    }
    required_[word] ^= bit;
    if ((required_[word] & bit) != 0) {
      used_ = std::max(used_, word + 1);
      while (full_ < used_ && required_[full_] == ~std::uint64_t{0}) ++full_;
    } else {
      full_ = std::min(full_, word);
      while (used_ > 0 && required_[used_ - 1] == 0) --used_;
    }
  }

  /// One word with the lengths, then the window, then the open ones.
  void encode(std::vector<std::uint64_t>& words) const {
    words.push_back(std::uint64_t{full_} << 32 | (used_ - full_));
    for (std::size_t i = full_; i < used_; ++i) words.push_back(required_[i]);
    words.insert(words.end(), open_.begin(), open_.end());
  }

 private:
  static constexpr std::uint32_t kOpen = 0x8000'0000;

  std::vector<std::uint32_t> number_;
  std::vector<std::uint64_t> required_;
  std::vector<std::uint64_t> open_;
  std::size_t full_ = 0;  ///< so many words have all bits
  std::size_t used_ = 0;  ///< words after these have none
};

}  // namespace stress::linear
