#include "orchestrator/base/clock.h"

#include <gtest/gtest.h>

#include "orchestrator/base/random_id.h"

namespace base {
namespace {

WallTime at(std::int64_t microseconds) { return WallTime{std::chrono::microseconds{microseconds}}; }

TEST(Clock, WritesUtcWithItsZoneAndSortsAsText) {
  EXPECT_EQ(to_iso8601(at(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_iso8601(at(1'795'380'285'123'456)), "2026-11-22T20:44:45.123456Z");
  EXPECT_LT(to_iso8601(at(999'999)), to_iso8601(at(1'000'000)));
}

TEST(Clock, ReadsBackWhatItWrote) {
  for (const std::int64_t time : {0LL, 1LL, 951'782'399'999'999LL, 1'795'380'285'123'456LL}) {
    const auto read = from_iso8601(to_iso8601(at(time)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, at(time));
  }
}

TEST(Clock, ReadsOtherZonesAndFractions) {
  const auto moment = from_iso8601("2026-11-22T20:44:45Z");
  ASSERT_TRUE(moment);
  for (const char* text :
       {"2026-11-22T20:44:45.000Z", "2026-11-22T22:14:45+01:30", "2026-11-22 20:44:45+00:00",
        "2026-11-22T12:44:45-0800", "2026-11-22T20:44:45.000000999Z"}) {
    const auto read = from_iso8601(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, *moment) << text;
  }
}

TEST(Clock, RefusesWhatIsNoTimeOrHasNoZone) {
  for (const char* text :
       {"", "2026-11-22", "2026-11-22T20:44:45", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-22T24:00:00Z", "2026-11-22T20:44:45.Z", "2026-11-22T20:44:45Zx"}) {
    const auto read = from_iso8601(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::kInvalid);
  }
}

// What is written must be readable: a registry with one such time would be lost.
TEST(Clock, StaysWithinTheYearsThatFourDigitsTell) {
  EXPECT_EQ(to_iso8601(at(300'000'000'000'000'000)), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_iso8601(at(-300'000'000'000'000'000)), "0000-01-01T00:00:00.000000Z");
  for (const char* edge : {"0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"}) {
    const auto read = from_iso8601(edge);
    ASSERT_TRUE(read) << edge;
    EXPECT_EQ(to_iso8601(*read), edge);
  }
  for (const char* text :
       {"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:60Z"}) {
    EXPECT_FALSE(from_iso8601(text)) << text;
  }
}

TEST(Clock, WritesTheCompactFormForNames) {
  EXPECT_EQ(to_compact(at(1'795'380'285'123'456)), "20261122T204445");
}

TEST(RandomId, HasThirteenCharactersOfBase32AndDiffersEachTime) {
  const std::string id = random_id();
  EXPECT_EQ(id.size(), 13U);
  EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
  EXPECT_NE(id, random_id());
}

}  // namespace
}  // namespace base
