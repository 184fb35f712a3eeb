// Goal: however a run is ended, nothing of it stays: no process, session, server, socket, temporary
// folder or cgroup; and another run beside it does not notice.
// Method: signals in the middle of a storm, when agents are known to live.
#include <csignal>
#include <optional>

#include <gmock/gmock.h>

#include "tests/e2e/stress_process.h"

namespace e2e {
namespace {

const Words kLongStorm{"--agents", "6", "--spawns", "200", "--crash-rate", "0.05", "--seed", "3"};

/// A run in mid-storm.
class Interruption : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_ / "long");
    storm_.emplace(kLongStorm, folder_ / "long");
    ASSERT_TRUE(eventually([&] { return storm_->has_agents(8); })) << storm_->printed();
    run_ = storm_->run();
    ASSERT_NE(what_is_left_of(run_), "") << "the test looks in the wrong place";
  }
  void expect_nothing_left() {
    EXPECT_TRUE(eventually([&] { return what_is_left_of(run_).empty(); })) << what_is_left_of(run_);
  }

  tests::TempFolder folder_;
  std::optional<StressProcess> storm_;
  StressProcess::Run run_;
};

class InterruptionInOrder : public Interruption, public ::testing::WithParamInterface<int> {};

TEST_P(InterruptionInOrder, LeavesNothingAndAReportThatIsNoPass) {
  storm_->signal(GetParam());
  const int code = storm_->wait();
  EXPECT_TRUE(code == 1 || code == 2) << code << storm_->printed();
  EXPECT_EQ(what_is_left_of(run_), "") << "it has ended itself, so it has cleaned up itself";
  const Json report = read_json(storm_->results() / "report.json");
  EXPECT_EQ(report["verdict"], code == 1 ? "fail" : "unknown");
  if (code == 2) {
    EXPECT_THAT(report["reason"].get<std::string>(), ::testing::HasSubstr("interrupted"));
  }
}

INSTANTIATE_TEST_SUITE_P(By, InterruptionInOrder, ::testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& signal) {
                           return std::string("SIG") + ::sigabbrev_np(signal.param);
                         });

TEST_F(Interruption, ByTwoSignalsLeavesNothingThoughItEndsAtOnce) {
  storm_->signal(SIGINT);
  storm_->signal(SIGTERM);
  storm_->wait();  // where the first had done its work already, in order
  expect_nothing_left();
}

TEST_F(Interruption, BySigkillLeavesNothing) {
  storm_->signal(SIGKILL);
  EXPECT_EQ(storm_->wait(), 128 + SIGKILL);
  expect_nothing_left();
}

TEST_F(Interruption, OfItsWholeProcessGroupLeavesNothing) {
  ASSERT_EQ(::kill(-storm_->pid(), SIGKILL), 0);
  EXPECT_EQ(storm_->wait(), 128 + SIGKILL);
  expect_nothing_left();
}

TEST_F(Interruption, DoesNotDisturbARunBesideIt) {
  std::filesystem::create_directory(folder_ / "other");
  StressProcess other({"--agents", "4", "--spawns", "4", "--crash-rate", "0.1", "--seed", "4"},
                      folder_ / "other");
  ASSERT_TRUE(eventually([&] { return other.has_agents(2); })) << other.printed();
  const StressProcess::Run its_run = other.run();
  storm_->signal(SIGKILL);
  storm_->wait();
  EXPECT_EQ(other.wait(), 0) << other.printed();
  EXPECT_EQ(what_is_left_of(its_run), "");
  expect_nothing_left();
}

}  // namespace
}  // namespace e2e
