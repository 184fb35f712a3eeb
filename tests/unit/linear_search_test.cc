// The general search by itself: its bounds, and what it says of where a history went wrong.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/check/linear/clients.h"
#include "harness/check/linear/configurations.h"
#include "harness/check/linear/search.h"
#include "tests/support/client_stories.h"

namespace stress::linear {
namespace {

using Kind = RegisterCall::Kind;
using Calls = std::vector<Timed<RegisterCall>>;

Timed<RegisterCall> write(Moment invoked, Moment completed, std::uint32_t value) {
  return {{invoked, completed}, {Kind::kWrite, 0, value}};
}
Timed<RegisterCall> read(Moment invoked, Moment completed, std::uint32_t value) {
  return {{invoked, completed}, {Kind::kRead, value, 0}};
}

SearchResult judge(const Calls& calls, const Limits& limits = {}) {
  const RegisterModel model(0, calls);
  return search(model, std::span<const Timed<RegisterCall>>(calls), limits);
}

TEST(Search, AnEmptyHistoryIsLegal) { EXPECT_EQ(judge({}).verdict, Verdict::kOk); }

TEST(Search, AReadMayFollowAWriteThatIsNotOver) {
  EXPECT_EQ(judge({write(1, 9, 1), read(2, 3, 1), read(4, 5, 1)}).verdict, Verdict::kOk);
}

TEST(Search, AWriteThatWasReadCannotBeUnread) {
  const SearchResult result = judge({write(1, 9, 1), read(2, 3, 1), read(4, 5, 0)});
  EXPECT_EQ(result.verdict, Verdict::kIllegal);
  EXPECT_EQ(result.blocked, 2u);
}

TEST(Search, AnOperationWithoutCompletionHappensLateOrNever) {
  EXPECT_EQ(judge({write(1, kNever, 1), read(2, 3, 0), read(4, 5, 0)}).verdict, Verdict::kOk);
  EXPECT_EQ(judge({write(1, kNever, 1), read(2, 3, 0), read(4, 5, 1)}).verdict, Verdict::kOk);
  EXPECT_EQ(judge({read(2, 3, 1), write(4, kNever, 1)}).verdict, Verdict::kIllegal);
}

TEST(Search, EqualMomentsAreConcurrent) {
  EXPECT_EQ(judge({write(1, 2, 1), read(2, 3, 0)}).verdict, Verdict::kOk);
  EXPECT_EQ(judge({write(1, 2, 1), read(3, 3, 0)}).verdict, Verdict::kIllegal);
}

/// So many writes at once of few values, and reads of which the last is wrong: hopeless to search.
Calls hopeless() {
  Calls calls;
  constexpr Moment kWrites = 60;
  for (Moment i = 0; i < kWrites; ++i) {
    calls.push_back(write(i, 1000 + i, static_cast<std::uint32_t>(1 + i)));
  }
  for (Moment i = 0; i < kWrites; i += 2) {
    calls.push_back(read(100 + i, 101 + i, static_cast<std::uint32_t>(1 + i)));
  }
  calls.push_back(read(2000, 2001, 0));
  return calls;
}

TEST(Search, OutOfTimeIsUnknownAndNothingElse) {
  const Limits over{.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1)};
  const SearchResult result = judge(hopeless(), over);
  EXPECT_EQ(result.verdict, Verdict::kUnknown);
  EXPECT_FALSE(result.out_of_memory);
}

TEST(Search, OutOfMemoryIsUnknownAndTheBoundIsKept) {
  const SearchResult result = judge(hopeless(), {.memory_bytes_max = 1 << 20});
  EXPECT_EQ(result.verdict, Verdict::kUnknown);
  EXPECT_TRUE(result.out_of_memory);
  EXPECT_LT(result.configurations * 2 * sizeof(std::uint64_t), std::size_t{1} << 20);
}

TEST(Configurations, TellBeforehandWhatTheyWillTake) {
  Configurations set;
  std::size_t told = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const std::size_t next = set.bytes_after_add(2);
    EXPECT_GE(next, told / 2);  // growing needs both tables for a moment
    told = next;
    EXPECT_TRUE(set.add(std::vector<std::uint64_t>{i, ~i}));
    EXPECT_FALSE(set.add(std::vector<std::uint64_t>{i, ~i}));
    EXPECT_TRUE(set.add(std::vector<std::uint64_t>{i}));
  }
  EXPECT_EQ(set.size(), 10'000u);
  EXPECT_GE(told, 10'000u * 2 * sizeof(std::uint64_t));
}

// Goal: a store of one key, much used by 50 clients, with texts of which none tells its writer,
// ends with a verdict or unknown, within bounds. (How long that may take is no matter of a test.)
TEST(Search, AStoreOfOneKeyWithFiftyClientsEnds) {
  tests::StoryShape shape;
  shape.store = true;
  shape.operations = 2000;
  shape.clients = 50;
  shape.values = 3;
  const ClientHistory history = tests::ClientStory(shape, 7).take();
  const ClientVerdict verdict =
      judge_store(history, {.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2),
                            .memory_bytes_max = std::size_t{64} << 20});
  EXPECT_EQ(verdict.searched, 1u);
  EXPECT_NE(verdict.verdict, Verdict::kIllegal);
}

TEST(Search, ManyClientsOnOneKeyAreNoObstacleWhereTextsTellTheirWriters) {
  tests::StoryShape shape;
  shape.store = true;
  shape.operations = 2000;
  shape.clients = 50;
  const ClientHistory history = tests::ClientStory(shape, 7).take();
  const ClientVerdict verdict = judge_store(history, {});
  EXPECT_EQ(verdict.verdict, Verdict::kOk);
  EXPECT_EQ(verdict.searched, 0u);
}

}  // namespace
}  // namespace stress::linear
