#include "orchestrator/base/process_identity.h"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/child_process.h"

namespace base {
namespace {

constexpr std::chrono::milliseconds kGenerous{30'000};

int sleep_forever() {
  for (;;) ::pause();
}

TEST(ProcessIdentity, TellsALivingProcessFromADeadOne) {
  tests::ChildProcess child(sleep_forever);
  const auto identity = identify(child.pid());
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(liveness(*identity), Liveness::kAlive);
  ASSERT_TRUE(signal_process(*identity, SIGKILL));
  ASSERT_TRUE(wait_dead(*identity, kGenerous));
  EXPECT_EQ(liveness(*identity), Liveness::kDead) << "a zombie is dead";
  child.wait();
  EXPECT_EQ(liveness(*identity), Liveness::kDead);
  EXPECT_EQ(identify(identity->pid).error().code, Errc::kNotFound);
}

TEST(ProcessIdentity, NeverSignalsAProcessThatGotTheNumberLater) {
  tests::ChildProcess child(sleep_forever);
  auto earlier = identify(child.pid()).value();
  --earlier.start_ticks;
  EXPECT_EQ(liveness(earlier), Liveness::kDead);
  EXPECT_TRUE(signal_process(earlier, SIGKILL)) << "gone already is success";
  EXPECT_EQ(liveness(identify(child.pid()).value()), Liveness::kAlive);
}

TEST(ProcessIdentity, WhatCannotBeKnownIsUnknownAndNotTouched) {
  tests::ChildProcess child(sleep_forever);
  const ProcessIdentity here = identify(child.pid()).value();
  ProcessIdentity elsewhere = here;
  elsewhere.machine = "another";
  EXPECT_EQ(liveness(elsewhere), Liveness::kUnknown);
  EXPECT_EQ(signal_process(elsewhere, SIGKILL).error().code, Errc::kRefused);
  EXPECT_EQ(wait_dead(elsewhere, kGenerous).error().code, Errc::kRefused);
  elsewhere = here;
  ++elsewhere.pid_namespace;
  EXPECT_EQ(liveness(elsewhere), Liveness::kUnknown);
  EXPECT_EQ(liveness(ProcessIdentity{}), Liveness::kUnknown);
  EXPECT_EQ(liveness(here), Liveness::kAlive);
}

TEST(ProcessIdentity, AnEarlierBootOfThisMachineIsDead) {
  ProcessIdentity before = self_identity();
  before.boot = "earlier";
  EXPECT_EQ(liveness(before), before.machine.empty() ? Liveness::kUnknown : Liveness::kDead);
}

TEST(ProcessIdentity, AForkedChildIsItself) {
  const pid_t parent = self_identity().pid;
  tests::ChildProcess child([&] {
    const ProcessIdentity& self = self_identity();
    return self.pid == ::getpid() && self.pid != parent && liveness(self) == Liveness::kAlive ? 0
                                                                                              : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(ProcessIdentity, WaitingHasADeadline) {
  tests::ChildProcess child(sleep_forever);
  const auto identity = identify(child.pid()).value();
  EXPECT_EQ(wait_dead(identity, std::chrono::milliseconds(20)).error().code, Errc::kTimeout);
}

}  // namespace
}  // namespace base
