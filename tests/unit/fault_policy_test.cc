// Goal: a fault plan falls upon the calls that it names, as often as it says, and on no others.
// Method: hand-made calls of one worker with one thread that is at a spawn, and an inner policy
// that remembers what it was asked.
#include "harness/fault/fault_policy.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace stress {
namespace {

class Inner : public Policy {
 public:
  Verdict decide(const Op&) override {
    ++asked;
    return Fail{EPERM};
  }
  void applied(const Op&, const Verdict&, bool) override { ++told; }
  void exited(std::uint32_t, int) override { ++exits; }
  int asked = 0;
  int told = 0;
  int exits = 0;
};

class FaultPlan : public ::testing::Test {
 protected:
  FaultPlan() {
    threads_.bind(0, 0, 1);
    control_->threads[0].tid = 100;
    control_->threads[0].op = 7;
    control_->threads[0].spawn_slot = 1;
    classifier_.watched = {"/w"};
    classifier_.history_folder = "/w/history";
  }
  FaultPolicy policy(const std::vector<std::string>& specs, std::uint64_t seed = 1) {
    std::vector<FaultSpec> plan;
    plan.reserve(specs.size());
    for (const std::string& text : specs) plan.push_back(*parse_fault(text));
    return FaultPolicy(inner_, threads_, classifier_, plan, Choice(seed));
  }
  static Op call(Sys sys, const std::string& path) {
    Op op;
    op.sys = sys;
    op.name = to_string(sys);
    op.path = path;
    op.tid = op.pid = op.origin = 100;
    op.in_root = true;
    return op;
  }
  /// "x" for each of `count` equal calls that the plan hits, "." for the others.
  static std::string hits(FaultPolicy& policy, const Op& op, int count) {
    std::string result;
    for (int i = 0; i < count; ++i) {
      const Verdict verdict = policy.decide(op);
      const auto* fail = std::get_if<Fail>(&verdict);
      const bool inner = fail != nullptr && fail->error_number == EPERM;
      if (!inner) policy.applied(op, verdict, true);
      result += inner ? '.' : 'x';
    }
    return result;
  }

  Inner inner_;
  std::unique_ptr<ControlBlock> control_ = std::make_unique<ControlBlock>();
  ThreadMap threads_{*control_};
  PointClassifier classifier_;
};

TEST_F(FaultPlan, FallsUponTheCallsOfItsWindow) {
  const Op sync = call(Sys::kSync, "/w/registry.json");
  const auto hits_of = [&](const std::string& spec) {
    FaultPolicy plan = policy({spec});
    return hits(plan, sync, 8);
  };
  EXPECT_EQ(hits_of("fsync:errno=EIO:when=3"), "..x.....");
  EXPECT_EQ(hits_of("fsync:errno=EIO:when=2..4"), ".xxx....");
  EXPECT_EQ(hits_of("fsync:errno=EIO:when=2+3"), ".x..x..x");
  EXPECT_EQ(hits_of("fsync:errno=EIO:when=6.."), ".....xxx");
}

TEST_F(FaultPlan, WithoutAWindowErrorsAndDelaysLastAndADeathComesOnce) {
  const Op sync = call(Sys::kSync, "/w/registry.json");
  const auto hits_of = [&](const std::string& spec) {
    FaultPolicy plan = policy({spec});
    return hits(plan, sync, 4);
  };
  EXPECT_EQ(hits_of("fsync:errno=EIO"), "xxxx");
  EXPECT_EQ(hits_of("fsync:delay=1ms"), "xxxx");
  EXPECT_EQ(hits_of("fsync:kill"), "x...");
  EXPECT_EQ(hits_of("fsync:pause=1ms"), "x...");
  EXPECT_EQ(hits_of("fsync:kill:p=1"), "xxxx");
}

TEST_F(FaultPlan, ARateIsDrawnByTheSeedAndTheCount) {
  const Op sync = call(Sys::kSync, "/w/registry.json");
  const auto hits_of = [&](std::uint64_t seed) {
    FaultPolicy plan = policy({"fsync:errno=EIO:p=0.25"}, seed);
    return hits(plan, sync, 400);
  };
  EXPECT_EQ(hits_of(1), hits_of(1));
  EXPECT_NE(hits_of(1), hits_of(2));
  const std::string drawn = hits_of(1);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(drawn, 'x')), 100, 35);
}

TEST_F(FaultPlan, LeavesAloneWhatIsNotTheWorkloads) {
  FaultPolicy plan = policy({"write:errno=EIO", "write@*:errno=EIO"});
  const Op record = call(Sys::kWrite, "/w/history/1.jsonl");
  EXPECT_EQ(hits(plan, record, 1), ".");
  Op agent = call(Sys::kWrite, "/w/log");
  agent.detached = true;
  EXPECT_EQ(hits(plan, agent, 1), ".");
  Op stranger = call(Sys::kWrite, "/w/log");
  stranger.origin = 200;
  EXPECT_EQ(hits(plan, stranger, 1), ".");
  control_->threads[0].op = 0;
  EXPECT_EQ(hits(plan, call(Sys::kWrite, "/w/log"), 1), ".");
  control_->threads[0].op = 7;
  EXPECT_EQ(hits(plan, call(Sys::kWrite, "/w/log"), 1), "x");
}

TEST_F(FaultPlan, WithoutAPathOnlyTheTargetsFilesAreMeant) {
  FaultPolicy any = policy({"write:errno=EIO"});
  EXPECT_EQ(hits(any, call(Sys::kWrite, "/elsewhere/f"), 1), ".");
  FaultPolicy named = policy({"write@/elsewhere/*:errno=EIO"});
  EXPECT_EQ(hits(named, call(Sys::kWrite, "/elsewhere/f"), 1), "x");
}

TEST_F(FaultPlan, AProgramIsNamedByItsArgumentsWhereThePatternHasASpace) {
  FaultPolicy plan = policy({"exec@true *list-*:errno=EMFILE"});
  Op exec = call(Sys::kExec, "/bin/true");
  EXPECT_TRUE(plan.wants_argv(exec));
  exec.argv = "-N list-panes -a";
  EXPECT_EQ(hits(plan, exec, 1), "x");
  exec.argv = "new-session -d";
  EXPECT_EQ(hits(plan, exec, 1), ".");
  FaultPolicy by_path = policy({"exec@true:errno=EMFILE", "write@a b:errno=EIO"});
  EXPECT_FALSE(by_path.wants_argv(exec));
  EXPECT_EQ(hits(by_path, exec, 1), "x");
}

TEST_F(FaultPlan, OnlyAFileOfTheTargetsIsUnlinkedAndOnlyOnce) {
  const tests::TempFolder folder;
  const std::string file = (folder / "registry.lock").string();
  std::ofstream(file) << "";
  FaultPolicy plan = policy({"flock@*:unlink"});
  EXPECT_EQ(hits(plan, call(Sys::kLock, file), 1), ".") << "it is somebody else's";
  classifier_.watched = {folder.path()};
  EXPECT_EQ(hits(plan, call(Sys::kLock, folder.path().string()), 1), ".") << "it is a folder";
  EXPECT_EQ(hits(plan, call(Sys::kLock, file + " (deleted)"), 1), ".") << "it is gone";
  EXPECT_EQ(hits(plan, call(Sys::kLock, file), 3), "x..");
}

TEST_F(FaultPlan, AProgramEndsAtOnceOrIsStoppedItself) {
  const Op exec = call(Sys::kExec, "/bin/true");
  FaultPolicy ends = policy({"exec@true:exit=7"});
  EXPECT_EQ(std::get<Exit>(ends.decide(exec)).code, 7);
  FaultPolicy slow = policy({"exec@true:pause=2s"});
  EXPECT_EQ(std::get<Pause>(slow.decide(exec)).victim, Victim::kCaller);
}

TEST_F(FaultPlan, ASpawnIsHitAtItsFirstWatchedCallAndAnUpdateNever) {
  FaultPolicy plan = policy({"spawn:errno=EIO"});
  EXPECT_EQ(hits(plan, call(Sys::kWrite, "/elsewhere/f"), 1), ".");
  EXPECT_EQ(hits(plan, call(Sys::kLock, "/w/lock"), 3), "x..");
  control_->threads[0].op = 8;
  EXPECT_EQ(hits(plan, call(Sys::kLock, "/w/lock"), 3), "x..");
  control_->threads[0].op = 9;
  control_->threads[0].spawn_slot = 0;
  EXPECT_EQ(hits(plan, call(Sys::kLock, "/w/lock"), 1), ".");
}

TEST_F(FaultPlan, OnlyAWriteThatIsLongEnoughIsCutShort) {
  FaultPolicy plan = policy({"write:short=10"});
  Op write = call(Sys::kWrite, "/w/f");
  write.number = 1;  // write(2): its bytes lie in memory
  write.bytes = 10;
  EXPECT_EQ(hits(plan, write, 1), ".");
  write.bytes = 11;
  EXPECT_EQ(std::get<Short>(plan.decide(write)).bytes, 10u);
}

TEST_F(FaultPlan, TheFirstSpecOfThePlanFallsAndAllAreCounted) {
  FaultPolicy plan = policy({"fsync:errno=EIO:when=2", "fsync:errno=ENOSPC"});
  const Op sync = call(Sys::kSync, "/w/f");
  EXPECT_EQ(std::get<Fail>(plan.decide(sync)).error_number, ENOSPC);
  EXPECT_EQ(std::get<Fail>(plan.decide(sync)).error_number, EIO);
  const std::vector<PlannedFault> planned = plan.planned();
  ASSERT_EQ(planned.size(), 2u);
  EXPECT_EQ(planned[0].spec, "fsync:errno=EIO:when=2");
  EXPECT_EQ(planned[0].matched, 2u);
  EXPECT_EQ(planned[1].matched, 2u);
}

TEST_F(FaultPlan, RecordsWhatWasInjectedAndNothingElse) {
  FaultPolicy plan = policy({"fsync:errno=EIO:when=1..2"});
  const Op sync = call(Sys::kSync, "/w/f");
  plan.applied(sync, plan.decide(sync), false);  // its task was gone
  plan.applied(sync, plan.decide(sync), true);
  const std::vector<Fault> faults = plan.faults();
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].kind, "fault");
  EXPECT_EQ(faults[0].cls, "fsync:errno=EIO:when=1..2");
  EXPECT_EQ(faults[0].op, 7u);
  EXPECT_EQ(plan.planned().at(0).missed, 1u);
  EXPECT_EQ(faults[0].variant, "");
  EXPECT_NE(faults[0].detail.find("/w/f"), std::string::npos);
  EXPECT_EQ(inner_.told, 0);
}

TEST_F(FaultPlan, TheVerdictsOfOthersAreTheirs) {
  FaultPolicy plan = policy({"fsync:errno=EIO"});
  const Op rename = call(Sys::kRename, "/w/f");
  plan.applied(rename, plan.decide(rename), true);
  plan.exited(0, 0);
  EXPECT_EQ(inner_.asked, 1);
  EXPECT_EQ(inner_.told, 1);
  EXPECT_EQ(inner_.exits, 1);
  EXPECT_TRUE(plan.faults().empty());
}

TEST_F(FaultPlan, WhereOperationsAreProgramsTheseAreHit) {
  classifier_.commands = true;
  FaultPolicy plan = policy({"fsync:kill:when=1.."});
  Op sync = call(Sys::kSync, "/w/f");
  EXPECT_EQ(hits(plan, sync, 1), ".");  // the worker's own
  sync.in_root = false;
  sync.command = sync.pid = 101;
  const Verdict verdict = plan.decide(sync);
  EXPECT_EQ(std::get<KillBefore>(verdict).victim, Victim::kCommand);
  plan.applied(sync, verdict, true);
  EXPECT_EQ(plan.faults().at(0).variant, "process");
}

}  // namespace
}  // namespace stress
