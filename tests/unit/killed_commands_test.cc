#include "harness/campaign/killed_commands.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

/// One operation that ended, and a crash that hit it.
Evidence killed(OpOutcome outcome, const std::string& variant) {
  Evidence evidence;
  Operation op;
  op.id = 7;
  op.invoked = 10;
  op.completed = 20;
  op.outcome = outcome;
  evidence.operations.push_back(op);
  Fault crash;
  crash.kind = "crash";
  crash.variant = variant;
  crash.op = 7;
  evidence.faults.push_back(crash);
  return evidence;
}

TEST(KilledCommands, WhoseChildrenMayStillWorkHaveNoKnownEnd) {
  Evidence evidence = killed(OpOutcome::kInfo, "process");
  reopen_killed_commands(evidence);
  EXPECT_FALSE(evidence.operations[0].completed);
}

TEST(KilledCommands, WithAllTheirChildrenEndedWhenTheirWorkerSaysSo) {
  Evidence evidence = killed(OpOutcome::kInfo, "with-descendants");
  reopen_killed_commands(evidence);
  EXPECT_EQ(evidence.operations[0].completed, 20);
}

TEST(KilledCommands, ThatHadAcknowledgedBeforeStayAcknowledged) {
  Evidence evidence = killed(OpOutcome::kOk, "process");
  reopen_killed_commands(evidence);
  EXPECT_EQ(evidence.operations[0].completed, 20);
}

TEST(KilledCommands, LeaveOtherOperationsAlone) {
  Evidence evidence = killed(OpOutcome::kInfo, "process");
  evidence.faults[0].op = 8;
  reopen_killed_commands(evidence);
  EXPECT_EQ(evidence.operations[0].completed, 20);
}

}  // namespace
}  // namespace stress
