#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "harness/supervise/engine.h"
#include "harness/supervise/reaper.h"

/// What tests of the engine share: a policy made of one rule, and a folder in which programs run.
namespace stress {

class Script : public Policy {
 public:
  std::function<Verdict(const Op&)> rule = [](const Op&) { return Proceed{}; };
  bool asks_for_argv = false;

  Verdict decide(const Op& op) override {
    const std::lock_guard lock(mutex_);
    seen.push_back(op);
    return rule(op);
  }
  bool wants_argv(const Op&) override { return asks_for_argv; }
  void applied(const Op&, const Verdict&, bool delivered) override {
    const std::lock_guard lock(mutex_);
    deliveries += delivered ? 1 : 0;
  }
  void exited(std::uint32_t, int s) override {
    const std::lock_guard lock(mutex_);
    status = s;
    changed_.notify_all();
  }
  int wait_for_exit() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return status.has_value(); })) {
      ADD_FAILURE() << "the program did not end";
      return -1;
    }
    return std::exchange(status, std::nullopt).value();
  }

  std::vector<Op> seen;
  int deliveries = 0;
  std::optional<int> status;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const base::Status possible = probe_supervision(); !possible) {
      GTEST_SKIP() << "no supervision here: " << possible.error().message;
    }
    // As the harness does: who outlives the launched program is reaped here.
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    std::string pattern =
        (std::filesystem::temp_directory_path() / "engine test ü XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  /// Runs a program to its end and returns its wait status.
  int run(std::vector<std::string> argv, std::uint32_t set = kCrashSet) {
    over_while_descendants_lived_ = false;
    auto engine = Engine::start(script_, set, -1);
    EXPECT_TRUE(engine) << engine.error().message;
    running_ = engine->get();
    const auto root = (*engine)->launch({std::move(argv), {"PATH=/usr/bin:/bin"}, folder_, {}});
    EXPECT_TRUE(root) << root.error().message;
    const int status = script_.wait_for_exit();
    if (outlive_) {
      over_while_descendants_lived_ = (*engine)->is_over(*root);
      outlive_();
    }
    // The programs that outlive it are still answered: nothing of theirs may be lost.
    for (int i = 0; i < 6000 && !(*engine)->is_over(*root); ++i) {
      reap_adopted();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_FALSE((*engine)->descendants_alive());
    EXPECT_TRUE((*engine)->is_over(*root));
    blind_spots_ = (*engine)->blind_spots();
    return status;
  }
  std::vector<std::string> dd(const std::string& file, int bytes) {
    return {"/bin/dd", "if=/dev/zero", "of=" + file, "bs=" + std::to_string(bytes),
            "count=1", "status=none"};
  }
  std::string in_folder(const std::string& name) { return (folder_ / name).string(); }

  /// Called when the launched program is dead, to let go of who outlives it.
  std::function<void()> outlive_;
  bool over_while_descendants_lived_ = false;
  std::vector<BlindSpot> blind_spots_;  ///< of the last run
  Engine* running_ = nullptr;           ///< for rules
  std::filesystem::path folder_;
  Script script_;
};

inline bool writes_to(const Op& op, const std::string& file) {
  return op.sys == Sys::kWrite && op.path == file;
}

}  // namespace stress
