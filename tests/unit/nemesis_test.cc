#include "harness/campaign/nemesis.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stress {
namespace {

using Blow = Nemesis::Blow;

constexpr std::uint64_t kSpawns = 20;

std::vector<Nemesis::Strike> draw(std::uint64_t seed) {
  return Nemesis::draw({.session_kills = 40,
                        .server_kills = 3,
                        .full_disks = 60,
                        .reused_pids = 5,
                        .spawns = kSpawns},
                       Choice(seed));
}

std::vector<std::pair<std::uint64_t, Blow>> times(const std::vector<Nemesis::Strike>& strikes) {
  std::vector<std::pair<std::uint64_t, Blow>> result;
  result.reserve(strikes.size());
  for (const Nemesis::Strike& strike : strikes) result.emplace_back(strike.due, strike.blow);
  return result;
}

TEST(NemesisPlan, IsTheSameForTheSameSeedAndNoOther) {
  EXPECT_EQ(times(draw(7)), times(draw(7)));
  EXPECT_NE(times(draw(7)), times(draw(8)));
}

TEST(NemesisPlan, HasExactlyAsManyStrikesOfEachKindAsAreAskedForInTheirOrder) {
  const std::vector<Nemesis::Strike> strikes = draw(7);
  EXPECT_TRUE(std::ranges::is_sorted(strikes, {}, &Nemesis::Strike::due));
  std::map<Blow, std::set<std::uint64_t>> numbers;
  for (const Nemesis::Strike& strike : strikes) numbers[strike.blow].insert(strike.number);
  EXPECT_EQ(numbers[Blow::kSession].size(), 40u);
  EXPECT_EQ(numbers[Blow::kServer].size(), 3u);
  EXPECT_EQ(numbers[Blow::kFullDisk].size(), 60u);
  EXPECT_EQ(numbers[Blow::kReusedPid].size(), 5u);
}

TEST(NemesisPlan, KillsWaitForOneSpawnAndAFullDiskComesBeforeTheLast) {
  for (const Nemesis::Strike& strike : draw(7)) {
    const std::uint64_t first = strike.blow == Blow::kFullDisk ? 0 : 1;
    EXPECT_GE(strike.due, first);
    EXPECT_LT(strike.due, first + kSpawns);
  }
}

TEST(FullDiskSpells, LastAWhileAndLeaveNothingOrAFewPages) {
  std::set<std::uint64_t> left;
  for (std::uint64_t number = 0; number < 200; ++number) {
    const FullDisk::Spell spell = FullDisk::draw(Choice(7), number);
    EXPECT_GE(spell.lasts, 50'000'000);
    EXPECT_LE(spell.lasts, 450'000'000);
    left.insert(spell.left);
  }
  EXPECT_EQ(left, (std::set<std::uint64_t>{0, 4096, 8192, 12288, 16384}));
}

}  // namespace
}  // namespace stress
