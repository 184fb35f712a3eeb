// Rules that decide without a search: each with the bugs that it is there to find.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/check/linear/blocks.h"
#include "harness/check/linear/commits.h"
#include "harness/check/linear/kv.h"
#include "harness/check/linear/register.h"
#include "harness/check/linear/whole_reads.h"

namespace stress::linear {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Registers: value 0 is what they begin with.
using Registers = std::vector<Timed<RegisterCall>>;
Timed<RegisterCall> write(Moment invoked, Moment completed, std::uint32_t value) {
  return {{invoked, completed}, {RegisterCall::Kind::kWrite, 0, value}};
}
Timed<RegisterCall> read(Moment invoked, Moment completed, std::uint32_t value) {
  return {{invoked, completed}, {RegisterCall::Kind::kRead, value, 0}};
}
Timed<RegisterCall> cas(Moment invoked, Moment completed, std::uint32_t from, std::uint32_t to) {
  return {{invoked, completed}, {RegisterCall::Kind::kCas, from, to}};
}

MATCHER_P(ContradictedBy, operations, "") {
  if (!arg || arg->legal) return false;
  return ::testing::ExplainMatchResult(operations, arg->contradiction, result_listener);
}
MATCHER(IsLegal, "") { return arg.has_value() && arg->legal; }
MATCHER(IsNotRuledOn, "") { return !arg.has_value(); }

std::optional<Ruling> rule(const Registers& calls) { return rule_register(0, calls); }

TEST(RegisterRule, KnowsWhatIsRight) {
  EXPECT_THAT(rule({write(1, 4, 1), read(2, 3, 0), read(5, 6, 1)}), IsLegal());
  EXPECT_THAT(rule({cas(1, 4, 0, 1), cas(2, 3, 1, 2), read(5, 6, 2)}), IsLegal());
  EXPECT_THAT(rule({write(1, kNever, 1), read(2, 3, 0), cas(4, 5, 1, 2)}), IsLegal());
}

TEST(RegisterRule, FindsAValueThatNobodyWrote) {
  EXPECT_THAT(rule({write(1, 2, 1), read(3, 4, 7)}), ContradictedBy(ElementsAre(1)));
}

TEST(RegisterRule, FindsAReadBeforeItsWrite) {
  EXPECT_THAT(rule({read(1, 2, 1), write(3, 4, 1)}), ContradictedBy(ElementsAre(0, 1)));
}

TEST(RegisterRule, FindsAStaleRead) {
  EXPECT_THAT(rule({write(1, 2, 1), write(3, 4, 2), read(5, 6, 1)}),
              ContradictedBy(ElementsAre(0, 1, 2)));
  EXPECT_THAT(rule({write(1, 2, 1), read(3, 4, 0)}), ContradictedBy(::testing::Contains(1)));
}

TEST(RegisterRule, FindsReadsThatDisagreeAboutConcurrentWrites) {
  EXPECT_THAT(rule({write(1, 9, 1), write(1, 9, 2), read(2, 3, 1), read(4, 5, 2), read(6, 7, 1)}),
              ContradictedBy(::testing::Not(IsEmpty())));
}

TEST(RegisterRule, FindsTwoThatWonFromOneValue) {
  EXPECT_THAT(rule({write(1, 2, 1), cas(3, 6, 1, 2), cas(4, 5, 1, 3)}),
              ContradictedBy(ElementsAre(1, 2)));
}

TEST(RegisterRule, FindsAWriteThatCameBetweenACompareAndItsSet) {
  // 1, then cas to 2: another write can be before or after both, and it was read in between.
  EXPECT_THAT(
      rule({write(1, 2, 1), read(3, 4, 1), write(5, 6, 3), read(7, 8, 3), cas(9, 10, 1, 2)}),
      ContradictedBy(::testing::Not(IsEmpty())));
}

TEST(RegisterRule, FindsACircleOfCompareAndSets) {
  EXPECT_THAT(rule({cas(1, 4, 2, 1), cas(2, 3, 1, 2)}), ContradictedBy(ElementsAre(0, 1)));
}

TEST(RegisterRule, SaysNothingWhereAValueHasTwoWriters) {
  EXPECT_THAT(rule({write(1, 2, 1), write(3, 4, 1), read(5, 6, 1)}), IsNotRuledOn());
  EXPECT_THAT(rule({write(1, 2, 0), read(5, 6, 0)}), IsNotRuledOn());
}

using Texts = std::vector<Timed<KvCall>>;
Timed<KvCall> get(Moment invoked, Moment completed, std::string_view text) {
  return {{invoked, completed}, {KvCall::Kind::kGet, text}};
}
Timed<KvCall> put(Moment invoked, Moment completed, std::string_view text) {
  return {{invoked, completed}, {KvCall::Kind::kPut, text}};
}
Timed<KvCall> append(Moment invoked, Moment completed, std::string_view text) {
  return {{invoked, completed}, {KvCall::Kind::kAppend, text}};
}
std::optional<Ruling> rule(const Texts& calls) { return rule_kv(calls); }

TEST(StoreRule, KnowsWhatIsRight) {
  EXPECT_THAT(rule(Texts{append(1, 4, "a"), append(2, 3, "b"), get(5, 6, "ba"), put(7, 8, "c"),
                         get(9, 10, "c")}),
              IsLegal());
  EXPECT_THAT(rule(Texts{append(1, kNever, "a"), get(2, 3, ""), get(4, 5, "a")}), IsLegal());
}

TEST(StoreRule, FindsALostAppend) {
  EXPECT_THAT(rule(Texts{append(1, 2, "a"), append(3, 4, "b"), get(5, 6, "b")}),
              ContradictedBy(::testing::Not(IsEmpty())));
}

TEST(StoreRule, FindsAppendsOutOfOrder) {
  EXPECT_THAT(rule(Texts{append(1, 2, "a"), append(3, 4, "b"), get(5, 6, "ba")}),
              ContradictedBy(ElementsAre(0, 1, 2)));
}

TEST(StoreRule, FindsTextsThatNoOrderMakes) {
  EXPECT_THAT(rule(Texts{append(1, 2, "a"), get(3, 4, "x")}), ContradictedBy(ElementsAre(1)));
  EXPECT_THAT(rule(Texts{append(1, 2, "a"), get(3, 4, "aa")}), ContradictedBy(ElementsAre(1)));
  EXPECT_THAT(rule(Texts{append(1, 2, "a"), put(1, 2, "p"), get(3, 4, "ap")}),
              ContradictedBy(ElementsAre(2)));
}

TEST(StoreRule, FindsTwoTextsOfWhichNeitherGoesOn) {
  EXPECT_THAT(rule(Texts{append(1, 9, "a"), append(1, 9, "b"), get(2, 3, "ab"), get(4, 5, "ba")}),
              ContradictedBy(ElementsAre(2, 3)));
}

TEST(StoreRule, SaysNothingWhereATextDoesNotTellItsWriters) {
  EXPECT_THAT(rule(Texts{append(1, 2, "a"), append(3, 4, "a"), get(5, 6, "aa")}), IsNotRuledOn());
  EXPECT_THAT(rule(Texts{append(1, 2, "1"), append(3, 4, "12"), get(5, 6, "112")}), IsNotRuledOn());
}

using Set = SetContradiction::Kind;
std::optional<Set> judge(const std::vector<Span>& additions, const std::vector<WholeRead>& reads) {
  const auto found = rule_whole_reads(additions, reads);
  return found ? std::optional(found->kind) : std::nullopt;
}

TEST(WholeReads, KnowWhatIsRight) {
  EXPECT_EQ(judge({{1, 9}, {2, 9}}, {{{3, 4}, {1}}, {{5, 6}, {0, 1}}}), std::nullopt);
  EXPECT_EQ(judge({{1, kNever}}, {{{3, 4}, {}}, {{5, 6}, {}}}), std::nullopt);
  EXPECT_EQ(judge({{1, 2}}, {}), std::nullopt);
}

TEST(WholeReads, FindALostElement) {
  const auto found =
      rule_whole_reads(std::vector<Span>{{1, 2}}, std::vector<WholeRead>{{{3, 4}, {}}});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->kind, Set::kLost);
  EXPECT_EQ(found->x, 0u);
  EXPECT_EQ(found->a, 0u);
}

TEST(WholeReads, FindAnElementThatIsSeenTooEarly) {
  EXPECT_EQ(judge({{5, 6}}, {{{3, 4}, {0}}}), Set::kTooEarly);
}

TEST(WholeReads, FindAStaleRead) {
  EXPECT_EQ(judge({{1, 9}}, {{{2, 3}, {0}}, {{4, 5}, {}}}), Set::kStale);
}

TEST(WholeReads, FindReadsThatSawTwoElementsInTwoOrders) {
  const auto found = rule_whole_reads(std::vector<Span>{{1, 9}, {1, 9}},
                                      std::vector<WholeRead>{{{2, 8}, {0}}, {{3, 7}, {1}}});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->kind, Set::kNotNested);
  EXPECT_NE(found->x, found->y);
}

TEST(WholeReads, FindAnElementThatIsSeenWithoutAnEarlierOne) {
  EXPECT_EQ(judge({{1, 3}, {4, 6}}, {{{2, 8}, {1}}}), Set::kOutOfOrder);
}

std::optional<CommitProblem> in_commits(const std::vector<Placed<RegisterCall>>& calls) {
  const RegisterModel model = RegisterModel::plain(0);
  return check_commits(model, std::span<const Placed<RegisterCall>>(calls));
}
Placed<RegisterCall> placed(const Timed<RegisterCall>& call, std::optional<std::uint64_t> at = {}) {
  return {call.span, call.call, at};
}

TEST(Commits, WithAnOrderThatExplainsEverythingAreRight) {
  EXPECT_EQ(in_commits({placed(write(1, 9, 1), 2), placed(write(1, 9, 2), 1), placed(read(2, 3, 2)),
                        placed(read(4, 5, 2)), placed(read(10, 11, 1))}),
            std::nullopt);
}

TEST(Commits, AgainstRealTimeAreFound) {
  const auto problem = in_commits({placed(write(1, 2, 1), 7), placed(write(3, 4, 2), 5)});
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->kind, CommitProblem::Kind::kAgainstTime);
  EXPECT_EQ(problem->operation, 1u);
  EXPECT_EQ(problem->other, 0u);
}

TEST(Commits, ThatExplainAnAnswerOtherwiseAreFound) {
  // Another order would do; this one does not.
  const auto problem = in_commits({placed(write(1, 9, 1), 1), placed(cas(1, 9, 0, 2), 2)});
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->kind, CommitProblem::Kind::kWrongAnswer);
  EXPECT_EQ(problem->operation, 1u);
}

TEST(Commits, FindAReadThatFitsNowhere) {
  const auto late = in_commits({placed(write(1, 2, 1), 1), placed(read(3, 4, 0))});
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->kind, CommitProblem::Kind::kNoPlace);
  const auto back = in_commits({placed(write(1, 9, 1), 1), placed(write(1, 9, 2), 2),
                                placed(read(2, 3, 2)), placed(read(4, 5, 1))});
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->operation, 3u);
}

TEST(Commits, OfUnknownOutcomeCountWhereTheyWereSeen) {
  EXPECT_EQ(in_commits({placed(write(1, kNever, 1), 1), placed(read(3, 4, 1))}), std::nullopt);
  EXPECT_NE(in_commits({placed(write(1, kNever, 1)), placed(read(3, 4, 1))}), std::nullopt);
}

}  // namespace
}  // namespace stress::linear
