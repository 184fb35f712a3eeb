// Goal: a delayed call is made later, and only its caller waits.
// Method: programs that tell through a fifo how far they have come, while a call of theirs is put
// off by an hour, and is let run by hand or dies with its caller.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "orchestrator/base/unique_fd.h"
#include "tests/unit/engine_fixture.h"

namespace stress {
namespace {

namespace fs = std::filesystem;

class DelayTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    script_.rule = [this](const Op& op) -> Verdict {
      if (!writes_to(op, in_folder("late"))) return Proceed{};
      decided_.set_value();
      return Delay{std::chrono::hours(1)};
    };
    auto engine = Engine::start(script_, kCrashSet, -1);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }
  std::uint32_t launch(const std::string& program) {
    const auto root = engine_->launch({{"/bin/sh", "-c", program}, {"PATH=/bin"}, folder_, {}});
    EXPECT_TRUE(root) << root.error().message;
    return *root;
  }
  void wait_for_decision() {
    ASSERT_EQ(decided_.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  }
  base::UniqueFd fifo(const std::string& name) {
    EXPECT_EQ(mkfifo(in_folder(name).c_str(), 0600), 0);
    return base::UniqueFd(open(in_folder(name).c_str(), O_RDWR | O_CLOEXEC));
  }

  std::promise<void> decided_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, ADelayedCallIsMadeWhenItIsDue) {
  const std::string file = in_folder("out");
  script_.rule = [&](const Op& op) -> Verdict {
    if (writes_to(op, file)) return Delay{std::chrono::milliseconds(20)};
    return Proceed{};
  };
  EXPECT_EQ(run(dd(file, 4096)), 0);
  EXPECT_EQ(fs::file_size(file), 4096u);
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(DelayTest, OthersGoOnMeanwhileAndTheEndOfPausesLetsItRun) {
  const base::UniqueFd in = fifo("in");
  const base::UniqueFd out = fifo("out");
  launch("{ echo x > late; } & read go < in; echo y > out; wait");
  wait_for_decision();
  ASSERT_EQ(write(in.get(), "\n", 1), 1);
  char told[2] = {};
  ASSERT_EQ(read(out.get(), told, sizeof told), 2);  // its other process's call was answered
  EXPECT_EQ(fs::file_size(folder_ / "late"), 0u);
  engine_->end_pauses();
  EXPECT_EQ(script_.wait_for_exit(), 0);
  EXPECT_EQ(fs::file_size(folder_ / "late"), 2u);
  engine_.reset();
  EXPECT_EQ(script_.deliveries, 1);
}

TEST_F(DelayTest, AfterTheEndOfPausesNothingIsDelayed) {
  engine_->end_pauses();
  launch("echo x > late");
  EXPECT_EQ(script_.wait_for_exit(), 0);
  EXPECT_EQ(fs::file_size(folder_ / "late"), 2u);
  engine_.reset();
  EXPECT_EQ(script_.deliveries, 0);
}

TEST_F(DelayTest, WhoIsKilledMeanwhileDoesNotMakeTheCallAndNobodyWaitsForIt) {
  const std::uint32_t root = launch("echo x > late");
  wait_for_decision();
  EXPECT_TRUE(engine_->signal(root, SIGKILL));
  EXPECT_TRUE(WIFSIGNALED(script_.wait_for_exit()));
  EXPECT_EQ(fs::file_size(folder_ / "late"), 0u);
  EXPECT_TRUE(engine_->is_over(root));
  engine_.reset();
  EXPECT_EQ(script_.deliveries, 0);
}

}  // namespace
}  // namespace stress
