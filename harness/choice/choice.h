#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace stress {

/// The only source of randomness of the harness. Nothing is drawn in order of arrival: each value
/// is a hash of the seed and of what it decides (labels), so that it does not depend on which
/// process happened to come first, nor on what else was drawn.
class Choice {
 public:
  explicit Choice(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  /// A choice of its own for one purpose: `choice.of("crash")`.
  [[nodiscard]] Choice of(std::string_view label) const;
  [[nodiscard]] Choice of(std::uint64_t number) const;

  /// 64 uniform bits.
  [[nodiscard]] std::uint64_t bits() const;
  /// Uniform in [0, bound), without modulo bias; bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) const;
  /// Uniform in [0, 1).
  [[nodiscard]] double unit() const;
  [[nodiscard]] bool chance(double probability) const { return unit() < probability; }

  /// `count` different numbers out of [0, bound), in random order; count <= bound.
  [[nodiscard]] std::vector<std::uint64_t> sample(std::uint64_t bound, std::uint64_t count) const;

  template <class T>
  void shuffle(std::vector<T>& items) const {
    for (std::uint64_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[of(i).below(i)]);
    }
  }

 private:
  std::uint64_t seed_;
};

}  // namespace stress
