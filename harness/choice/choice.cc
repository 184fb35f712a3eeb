#include "harness/choice/choice.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include <xxhash.h>

namespace stress {
namespace {

/// What a hash is for: keeps the number 1, the label "1" and the bits themselves apart.
enum class Purpose : std::uint64_t { kLabel = 1, kNumber = 2, kBits = 3 };

/// Reads the words in the machine's own order: one seed means the same on every little-endian one.
std::uint64_t mix(std::uint64_t seed, Purpose purpose, std::uint64_t value) {
  const std::array<std::uint64_t, 3> words{seed, static_cast<std::uint64_t>(purpose), value};
  return XXH3_64bits(words.data(), sizeof words);
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "choice: %s\n", what);
  std::abort();
}

}  // namespace

Choice Choice::of(std::string_view label) const {
  return Choice(mix(seed_, Purpose::kLabel, XXH3_64bits(label.data(), label.size())));
}

Choice Choice::of(std::uint64_t number) const {
  return Choice(mix(seed_, Purpose::kNumber, number));
}

std::uint64_t Choice::bits() const { return mix(seed_, Purpose::kBits, 0); }

// Lemire, "Fast Random Integer Generation in an Interval" (2019): the upper half of bits * bound,
// drawn again for the few low halves that would make some results likelier than others.
std::uint64_t Choice::below(std::uint64_t bound) const {
  require(bound > 0, "below(0) has no result");
  const std::uint64_t surplus = (0 - bound) % bound;  // 2^64 mod bound
  for (std::uint64_t draw = 0;; ++draw) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{mix(seed_, Purpose::kBits, draw)} * bound;
    if (static_cast<std::uint64_t>(product) >= surplus) {
      return static_cast<std::uint64_t>(product >> 64U);
    }
  }
}

double Choice::unit() const {
  constexpr double kUlp = 0x1p-53;  // a double holds 53 bits: more would round up to 1
  return static_cast<double>(bits() >> 11U) * kUlp;
}

// A Fisher-Yates shuffle that stops after `count` places and keeps only the places it has moved.
std::vector<std::uint64_t> Choice::sample(std::uint64_t bound, std::uint64_t count) const {
  require(count <= bound, "sample() of more numbers than there are");
  std::vector<std::uint64_t> chosen;
  chosen.reserve(count);
  std::unordered_map<std::uint64_t, std::uint64_t> moved;
  const auto at = [&moved](std::uint64_t place) {
    const auto found = moved.find(place);
    return found == moved.end() ? place : found->second;
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t j = i + of(i).below(bound - i);
    chosen.push_back(at(j));
    moved[j] = at(i);
  }
  return chosen;
}

}  // namespace stress
