#include "harness/choice/choice.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stress {
namespace {

/// Pearson's statistic, as distance from its mean in standard deviations. The seeds are fixed, so
/// no test can fail by chance; a generator that is not uniform lies far above 5.
double chi_square_deviation(const std::vector<std::uint64_t>& counts) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  const double expected = static_cast<double>(total) / static_cast<double>(counts.size());
  double statistic = 0;
  for (const auto count : counts) {
    const double difference = static_cast<double>(count) - expected;
    statistic += difference * difference / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  return std::abs(statistic - freedom) / std::sqrt(2 * freedom);
}

constexpr double kUniform = 5;

TEST(Choice, ValuesArePinnedSoThatAStoredSeedMeansTheSameForEver) {
  const Choice root(42);
  EXPECT_EQ(root.seed(), 42U);
  EXPECT_EQ(root.bits(), 0x4f20274784909c39ULL);
  EXPECT_EQ(root.of("crash").bits(), 0x060a6ae39712a33aULL);
  EXPECT_EQ(root.of(7).bits(), 0x93295cec397f9f15ULL);
  EXPECT_EQ(root.of("crash").of(7).below(1000), 838U);
  EXPECT_DOUBLE_EQ(root.of("unit").unit(), 0.054918454735160993);
  EXPECT_EQ(root.sample(10, 10), (std::vector<std::uint64_t>{0, 5, 3, 1, 6, 7, 8, 4, 9, 2}));
}

TEST(Choice, DependsOnLabelsAloneAndNotOnWhatElseWasDrawn) {
  const Choice first(1);
  const std::uint64_t alone = first.of("b").of(3).bits();
  const Choice second(1);
  for (std::uint64_t i = 0; i < 100; ++i) (void)second.of("a").of(i).below(17);
  EXPECT_EQ(second.of("b").of(3).bits(), alone);
}

TEST(Choice, SeedLabelAndNumberEachChangeTheValue) {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  const auto draw = [&](std::uint64_t value) {
    seen.insert(value);
    ++drawn;
  };
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    const Choice choice(seed);
    draw(choice.bits());
    draw(choice.seed());
    for (std::uint64_t number = 0; number < 64; ++number) {
      draw(choice.of(number).bits());
      draw(choice.of(std::to_string(number)).bits());
    }
    draw(choice.of("").bits());
    draw(choice.of("a").of("b").bits());
    draw(choice.of("b").of("a").bits());
    draw(choice.of("ab").bits());
  }
  EXPECT_EQ(seen.size(), drawn);
}

TEST(Choice, BelowIsUniform) {
  for (const std::uint64_t bound : {2U, 3U, 10U, 97U, 1000U}) {
    std::vector<std::uint64_t> counts(bound);
    const Choice choice = Choice(2026).of("uniform").of(bound);
    for (std::uint64_t i = 0; i < bound * 1000; ++i) ++counts[choice.of(i).below(bound)];
    EXPECT_LT(chi_square_deviation(counts), kUniform) << "bound " << bound;
  }
}

// With 3/4 of 2^64 as bound, plain modulo would give the lower third twice as often.
TEST(Choice, BelowHasNoModuloBiasEvenForHugeBounds) {
  constexpr std::uint64_t kBound = 3ULL << 62U;
  std::vector<std::uint64_t> counts(3);
  const Choice choice(5);
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    const std::uint64_t value = choice.of(i).below(kBound);
    ASSERT_LT(value, kBound);
    ++counts[value >> 62U];
  }
  EXPECT_LT(chi_square_deviation(counts), kUniform);
}

TEST(Choice, BelowOneIsZero) { EXPECT_EQ(Choice(9).below(1), 0U); }

TEST(Choice, EachBitIsSetHalfOfTheTime) {
  const Choice choice(11);
  std::vector<std::uint64_t> set(64);
  constexpr std::uint64_t kDraws = 20'000;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const std::uint64_t bits = choice.of(i).bits();
    for (std::size_t bit = 0; bit < set.size(); ++bit) set[bit] += (bits >> bit) & 1U;
  }
  for (const auto count : set) {
    EXPECT_LT(chi_square_deviation({count, kDraws - count}), kUniform);
  }
}

TEST(Choice, UnitLiesInItsRangeAndIsUniform) {
  std::vector<std::uint64_t> counts(50);
  const Choice choice(3);
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    const double value = choice.of(i).unit();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++counts[static_cast<std::size_t>(value * 50)];
  }
  EXPECT_LT(chi_square_deviation(counts), kUniform);
}

TEST(Choice, ChanceOfZeroNeverAndOfOneAlwaysHappens) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    EXPECT_FALSE(Choice(i).chance(0));
    EXPECT_TRUE(Choice(i).chance(1));
  }
}

TEST(Choice, SampleIsWithoutReplacement) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto numbers = Choice(seed).sample(100, 30);
    EXPECT_EQ(numbers.size(), 30U);
    EXPECT_EQ(std::set<std::uint64_t>(numbers.begin(), numbers.end()).size(), 30U);
    EXPECT_LT(*std::max_element(numbers.begin(), numbers.end()), 100U);
  }
}

TEST(Choice, SampleOfAllIsAPermutationAndOfNoneIsEmpty) {
  auto numbers = Choice(8).sample(1000, 1000);
  std::sort(numbers.begin(), numbers.end());
  for (std::uint64_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], i);
  EXPECT_TRUE(Choice(8).sample(1000, 0).empty());
  EXPECT_TRUE(Choice(8).sample(0, 0).empty());
}

TEST(Choice, SampleTakesFewOutOfAstronomicallyMany) {
  const auto numbers = Choice(8).sample(1ULL << 60U, 5);
  EXPECT_EQ(std::set<std::uint64_t>(numbers.begin(), numbers.end()).size(), 5U);
}

TEST(Choice, SampleTakesEachNumberAndEachPlaceEquallyOften) {
  std::vector<std::uint64_t> taken(20);
  std::vector<std::uint64_t> first(20);
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const auto numbers = Choice(seed).of("sample").sample(20, 5);
    for (const auto number : numbers) ++taken[number];
    ++first[numbers.front()];
  }
  EXPECT_LT(chi_square_deviation(taken), kUniform);
  EXPECT_LT(chi_square_deviation(first), kUniform);
}

TEST(Choice, ShuffleReachesEachOrderEquallyOften) {
  std::vector<std::uint64_t> orders(27);
  for (std::uint64_t seed = 0; seed < 12'000; ++seed) {
    std::vector<std::uint64_t> items{0, 1, 2};
    Choice(seed).of("shuffle").shuffle(items);
    ++orders[items[0] * 9 + items[1] * 3 + items[2]];
  }
  std::erase(orders, 0U);
  EXPECT_EQ(orders.size(), 6U);
  EXPECT_LT(chi_square_deviation(orders), kUniform);
}

TEST(ChoiceDeathTest, ImpossibleRequestsEndTheProcess) {
  EXPECT_DEATH((void)Choice(1).below(0), "below");
  EXPECT_DEATH((void)Choice(1).sample(3, 4), "sample");
}

}  // namespace
}  // namespace stress
