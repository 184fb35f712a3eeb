// Goal: what is drawn for a spawn befalls its first request, not the same one once more.
// Method: hand-made calls of two threads that are at one spawn, each of which is to be crashed.
#include "harness/fault/storm_policy.h"

#include <memory>

#include <gtest/gtest.h>

namespace stress {
namespace {

class EverySpawnCrashes : public ::testing::Test {
 protected:
  EverySpawnCrashes() {
    threads_.bind(0, 0, 2);
    for (const std::uint32_t place : {0u, 1u}) {
      ThreadState& state = control_->threads[place];
      state.tid = tid(place);
      state.op = 7 + place;
      state.spawn_slot = 1;
    }
    control_->threads[1].duplicate = true;
    classifier_.watched = {"/w"};
  }
  static std::int32_t tid(std::uint32_t place) { return 100 + static_cast<std::int32_t>(place); }
  /// Whether the fsync of a thread is where its process dies.
  bool kills(std::uint32_t place) {
    Op op;
    op.sys = Sys::kSync;
    op.path = "/w/f";
    op.tid = op.origin = tid(place);
    op.pid = tid(0);
    op.in_root = true;
    return std::holds_alternative<KillBefore>(policy_.decide(op));
  }

  std::unique_ptr<ControlBlock> control_ = std::make_unique<ControlBlock>();
  ThreadMap threads_{*control_};
  PointClassifier classifier_;
  StormPolicy policy_{threads_,
                      classifier_,
                      CrashPlan(Choice(1), 1.0, 1, one_sync(), {"fsync-before"}),
                      {},
                      Choice(1)};

 private:
  static PathProfile one_sync() {
    PathProfile profile;
    profile.occurrences[static_cast<std::size_t>(PointKind::kSync)] = 1;
    return profile;
  }
};

TEST_F(EverySpawnCrashes, ButNotByTheCallsOfItsSecondRequest) {
  EXPECT_FALSE(kills(1));
  EXPECT_TRUE(kills(0));
}

}  // namespace
}  // namespace stress
