// Goal: however a run is ended, nothing of it stays: no process, session, server, socket, temporary
// folder or cgroup; and another run beside it does not notice.
// Method: signals in the middle of a storm, when agents are known to live.
#include <atomic>
#include <csignal>
#include <optional>

#include <gmock/gmock.h>

#include "harness/supervise/room.h"
#include "tests/e2e/stress_process.h"

namespace e2e {
namespace {

const Words kLongStorm{"--agents", "6", "--spawns", "200", "--crash-rate", "0.05", "--seed", "3"};

/// A run in mid-storm.
class Interruption : public ::testing::Test {
 protected:
  void SetUp() override { begin(kLongStorm); }
  void begin(const Words& flags) {
    std::filesystem::create_directory(folder_ / "long");
    storm_.emplace(flags, folder_ / "long");
    ASSERT_TRUE(eventually([&] { return storm_->has_agents(8); })) << storm_->printed();
    run_ = storm_->run();
    ASSERT_NE(what_is_left_of(run_), "") << "the test looks in the wrong place";
  }
  void expect_it_ends_in_order_by(int signal) {
    storm_->signal(signal);
    const int code = storm_->wait();
    EXPECT_TRUE(code == 1 || code == 2) << code << storm_->printed();
    EXPECT_EQ(what_is_left_of(run_), "") << "it has ended itself, so it has cleaned up itself";
    const Json report = read_json(storm_->results() / "report.json");
    EXPECT_EQ(report["verdict"], code == 1 ? "fail" : "unknown");
    if (code == 2) {
      EXPECT_THAT(report["reason"].get<std::string>(), ::testing::HasSubstr("interrupted"));
    }
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
  expect_it_ends_in_order_by(GetParam());
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

// Its guardian does not leave before the folder is gone that it would remove.
TEST(InterruptionOfCleaningUp, LeavesNothing) {
  const tests::TempFolder folder;
  Words argv{"/usr/bin/strace", "-qq", "-e", "trace=unlink", "-e", "signal=none"};
  argv.insert(argv.end(), {"-e", "inject=unlink:signal=SIGKILL:when=1", "-o", folder / "unlinks"});
  argv.insert(argv.end(), {STRESS_PROGRAM, "run", "--agents", "1", "--spawns", "1"});
  argv.insert(argv.end(), {"--sessions", "process", "--out", folder.path().string()});
  const base::Outcome killed = execute(argv);
  EXPECT_EQ(killed.signal, SIGKILL) << killed.err;
  const std::string unlinks = text_of(folder / "unlinks");
  ASSERT_TRUE(unlinks.starts_with("unlink(\"/tmp/ss-")) << unlinks;
  const std::size_t begin = unlinks.find('/');
  const std::filesystem::path temporary = unlinks.substr(begin, unlinks.find('"', begin) - begin);
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(temporary); })) << temporary;
}

/// One in a room: what is signalled waits outside of it.
class InterruptionOfARoom : public Interruption {
 protected:
  void SetUp() override {
    const std::atomic<bool> calm{false};
    const auto tried = stress::run_in_room(calm, [] { return 0; });
    if (!tried) GTEST_SKIP() << tried.error().message;
    Words flags = kLongStorm;
    flags.insert(flags.end(), {"--full-disk-rate", "0.01", "--reuse-pid-rate", "0.5"});
    begin(flags);
  }
};

TEST_F(InterruptionOfARoom, LeavesNothingAndAReportThatIsNoPass) {
  expect_it_ends_in_order_by(SIGINT);
  EXPECT_TRUE(std::filesystem::exists(storm_->results() / "workspace" / "registry.json"));
}

TEST_F(InterruptionOfARoom, ByTwoSignalsLeavesNothingThoughItEndsAtOnce) {
  storm_->signal(SIGINT);
  storm_->signal(SIGTERM);
  storm_->wait();
  expect_nothing_left();
}

TEST_F(InterruptionOfARoom, BySigkillLeavesNothing) {
  storm_->signal(SIGKILL);
  EXPECT_EQ(storm_->wait(), 128 + SIGKILL);
  expect_nothing_left();
}

TEST_F(InterruptionOfARoom, OfItsWholeProcessGroupLeavesNothing) {
  ASSERT_EQ(::kill(-storm_->pid(), SIGKILL), 0);
  EXPECT_EQ(storm_->wait(), 128 + SIGKILL);
  expect_nothing_left();
}

}  // namespace
}  // namespace e2e
