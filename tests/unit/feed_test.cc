// Goal: an exhaustive exploration gives a schedule again whose run departed from it, and no other.
// Method: results that are made up.
#include "harness/explore/feed.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

class ExhaustiveFeed : public ::testing::Test {
 protected:
  /// After the first run, of A and then B, B may begin first.
  ExhaustiveFeed() {
    settings_.strategy = "exhaustive";
    settings_.preemptions = 1;
    feed_ = make_feed(settings_, 2);
    ScheduleResult first;
    first.verdict = report::Verdict::kPass;
    first.decisions = {{Act::kRun, "A"}, {Act::kRun, "B"}};
    first.moments.resize(2);
    first.moments[0].candidates = {{.task = "A", .operation = "A", .turn = "A", .state = 1},
                                   {.task = "B", .operation = "B", .turn = "B", .state = 2}};
    first.moments[1].candidates = {{.task = "B", .operation = "B", .turn = "B", .state = 3}};
    feed_->learn(*feed_->next(), first);
    plan_ = *feed_->next();
    EXPECT_EQ(plan_.decisions, (std::vector<Decision>{{Act::kRun, "B"}}));
  }
  /// It came to nothing.
  ScheduleResult departed_;
  ExploreSettings settings_;
  std::unique_ptr<Feed> feed_;
  SchedulePlan plan_;
};

TEST_F(ExhaustiveFeed, GivesAgainWhatDepartedTwiceAndNoMore) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(feed_->takes_back(plan_, departed_));
    EXPECT_EQ(feed_->open(), 1u);
    EXPECT_EQ(feed_->next(), plan_);
  }
  EXPECT_FALSE(feed_->takes_back(plan_, departed_));
  EXPECT_EQ(feed_->next(), std::nullopt);
}

// What the run came to counts as known by then, so that another would be cut.
TEST_F(ExhaustiveFeed, DoesNotGiveAgainWhatCameToTheEndOfItsPrefix) {
  ScheduleResult restless = departed_;
  restless.decisions = plan_.decisions;
  EXPECT_FALSE(feed_->takes_back(plan_, restless));
}

TEST_F(ExhaustiveFeed, DoesNotGiveAgainWhatIsJudged) {
  ScheduleResult stuck = departed_;
  stuck.verdict = report::Verdict::kFail;
  EXPECT_FALSE(feed_->takes_back(plan_, stuck));
}

TEST(DrawnFeed, TakesNothingBack) {
  ExploreSettings settings;
  settings.strategy = "random";
  const auto feed = make_feed(settings, 2);
  EXPECT_FALSE(feed->takes_back(*feed->next(), {}));
}

}  // namespace
}  // namespace stress
