// Goal: a bystander is stopped once, in the middle of its operation. Method: made-up calls.
#include "harness/fault/hold_policy.h"

#include <memory>
#include <variant>

#include <gtest/gtest.h>

namespace stress {
namespace {

constexpr pid_t kWorker = 100;

class HoldPolicyTest : public ::testing::Test {
 protected:
  HoldPolicyTest() {
    threads_.bind(0, 0, 1);
    control_->threads[0].tid = kWorker;
    control_->threads[0].op = 7;
    classifier_.watched = {"/w"};
  }

  bool stops(HoldPolicy& policy, Sys sys, bool in_command = false) {
    Op op;
    op.sys = sys;
    op.path = sys == Sys::kExec ? "/bin/sh" : "/w/registry.json";
    op.pid = op.tid = in_command ? 200 : kWorker;
    op.origin = kWorker;
    op.in_root = !in_command;
    op.in_command = in_command;
    op.command = in_command ? 200 : 0;
    const Verdict verdict = policy.decide(op);
    policy.applied(op, verdict, true);
    return std::holds_alternative<Pause>(verdict);
  }

  std::unique_ptr<ControlBlock> control_ = std::make_unique<ControlBlock>();
  ThreadMap threads_{*control_};
  PointClassifier classifier_;
};

TEST_F(HoldPolicyTest, AtTheSessionHostIsWhereTheFirstProgramStarts) {
  HoldPolicy policy(threads_, classifier_, Victim::kLaunched, Middle::kSessionHost);
  EXPECT_FALSE(stops(policy, Sys::kLock));
  EXPECT_FALSE(stops(policy, Sys::kRename));
  EXPECT_FALSE(policy.holding());
  EXPECT_TRUE(stops(policy, Sys::kExec));
  EXPECT_TRUE(policy.holding());
  EXPECT_FALSE(stops(policy, Sys::kExec));
}

TEST_F(HoldPolicyTest, ACommandsOwnExecIsNoMiddle) {
  HoldPolicy policy(threads_, classifier_, Victim::kCommand, Middle::kSessionHost);
  EXPECT_FALSE(stops(policy, Sys::kExec, true));
  EXPECT_FALSE(stops(policy, Sys::kRename, true));
  EXPECT_TRUE(stops(policy, Sys::kConnect, true));
}

TEST_F(HoldPolicyTest, AfterTheFirstCommitIsTheCallThatFollowsItsUnlock) {
  HoldPolicy policy(threads_, classifier_, Victim::kLaunched, Middle::kFirstCommit);
  EXPECT_FALSE(stops(policy, Sys::kUnlock));  // nothing was renamed yet
  EXPECT_FALSE(stops(policy, Sys::kRename));
  EXPECT_FALSE(stops(policy, Sys::kSync));
  EXPECT_FALSE(stops(policy, Sys::kUnlock));
  EXPECT_TRUE(stops(policy, Sys::kUnlink));
  EXPECT_FALSE(stops(policy, Sys::kUnlink));
}

}  // namespace
}  // namespace stress
