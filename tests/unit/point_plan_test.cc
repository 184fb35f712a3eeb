// Goal: every place at which an operation can be cut off has one point, with a number and a name
// that a repetition finds again. Method: made-up traces, and policies that are told made-up calls.
#include "harness/fault/point_plan.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/fault/call_names.h"
#include "harness/fault/point_policy.h"
#include "harness/supervise/random_parts.h"

namespace stress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr pid_t kVictim = 100;
constexpr pid_t kChild = 200;

Op call(Sys sys, const std::string& path = "/w/registry.json", pid_t pid = kVictim) {
  Op op;
  op.sys = sys;
  op.path = path;
  op.pid = op.tid = pid;
  op.in_root = pid == kVictim;
  op.command = op.in_root ? 0 : pid;
  op.in_command = !op.in_root;
  op.origin = kVictim;
  op.fd = 5;
  if (sys == Sys::kWrite) op.number = SYS_write;
  return op;
}

Op write_of(std::uint64_t bytes, const std::string& path = "/w/registry.json") {
  Op op = call(Sys::kWrite, path);
  op.bytes = bytes;
  return op;
}

RecordedCall recorded(const Op& op, const std::string& words, int occurrence = 1,
                      bool followers = false) {
  RecordedCall result;
  result.call = {{words, occurrence}, words, true};
  result.op = op;
  result.call.by_victim = op.pid == kVictim;
  result.followers = followers || !result.call.by_victim;
  if (op.sys == Sys::kWrite) result.offset = 0;
  return result;
}

std::vector<std::string> words(const std::vector<CrashPoint>& points) {
  std::vector<std::string> result;
  result.reserve(points.size());
  for (const CrashPoint& point : points) result.push_back(point.words);
  return result;
}

TEST(PointPlan, ACrashAfterACallIsTheOneBeforeItsTasksNext) {
  const CallTrace trace = {recorded(call(Sys::kSync), "fsync a"),
                           recorded(call(Sys::kRename), "rename a -> b"),
                           recorded(call(Sys::kSync), "fsync .")};
  EXPECT_THAT(
      words(plan_points(trace, false)),
      ElementsAre("before fsync a", "before rename a -> b", "before fsync .", "after fsync ."));
}

TEST(PointPlan, BothStayWhereAnotherTasksCallComesInBetween) {
  const CallTrace trace = {recorded(call(Sys::kSync), "fsync a"),
                           recorded(call(Sys::kExec, "/bin/tmux", kChild), "exec tmux"),
                           recorded(call(Sys::kRename), "rename a -> b")};
  const auto points = plan_points(trace, false);
  EXPECT_THAT(words(points), ElementsAre("before fsync a", "after fsync a", "before exec tmux",
                                         "before exec tmux", "before rename a -> b"));
}

TEST(PointPlan, DescendantsMakeASecondVariantWhereThereAreAny) {
  const CallTrace trace = {recorded(call(Sys::kRename), "alone"),
                           recorded(call(Sys::kRename), "with a child", 1, true),
                           recorded(call(Sys::kConnect, "/t/tmux", kChild), "of the child")};
  std::vector<std::pair<std::string, Scope>> found;
  for (const CrashPoint& point : plan_points(trace, false)) {
    found.emplace_back(point.words, point.scope);
  }
  EXPECT_THAT(found, ElementsAre(std::pair("before alone", Scope::kProcess),
                                 std::pair("before with a child", Scope::kProcess),
                                 std::pair("before with a child", Scope::kDescendants),
                                 std::pair("before of the child", Scope::kProcess),
                                 std::pair("before of the child", Scope::kDescendants)));
}

TEST(PointPlan, AWriteIsCutAtPagesByAKillAndInBetweenByAShortWrite) {
  const CallTrace trace = {recorded(write_of(20'000), "write to a"),
                           recorded(call(Sys::kSync), "fsync a")};
  std::set<std::uint64_t> pages;
  std::set<std::uint64_t> between;
  for (const CrashPoint& point : plan_points(trace, false)) {
    if (point.blow == Blow::kMid) pages.insert(*cut_bytes(point.cut, 0, 20'000));
    if (point.blow == Blow::kShort) between.insert(*cut_bytes(point.cut, 0, 20'000));
  }
  EXPECT_THAT(pages, ElementsAre(4096, 8192, 16384));
  EXPECT_THAT(between, ElementsAre(10'000, 19'999));
}

TEST(PointPlan, AKillNeverCutsWhereItCouldNot) {
  for (const std::uint64_t offset : {0u, 1u, 4095u, 4096u, 5000u}) {
    for (const std::uint64_t bytes : {1u, 2u, 100u, 4096u, 4097u, 8193u, 20'000u}) {
      for (const Cut cut : {Cut::kFirstPage, Cut::kMiddlePage, Cut::kLastPage}) {
        const auto at = cut_bytes(cut, offset, bytes);
        const bool crosses = offset / 4096 != (offset + bytes - 1) / 4096;
        ASSERT_EQ(at.has_value(), crosses) << offset << " " << bytes;
        if (!at) continue;
        EXPECT_EQ((offset + *at) % 4096, 0u);
        EXPECT_GT(*at, 0u);
        EXPECT_LT(*at, bytes);
      }
      for (const Cut cut : {Cut::kHalf, Cut::kAllButOne}) {
        const auto at = cut_bytes(cut, offset, bytes);
        ASSERT_EQ(at.has_value(), bytes > 1);
        if (!at) continue;
        EXPECT_GT(*at, 0u);
        EXPECT_LT(*at, bytes);
      }
    }
  }
}

TEST(PointPlan, WhoseCallerLivesOnIsNotCut) {
  Op by_child = write_of(20'000);
  by_child.pid = by_child.tid = kChild;
  for (const CrashPoint& point : plan_points({recorded(by_child, "write to a")}, false)) {
    if (point.blow == Blow::kMid || point.blow == Blow::kAfter) {
      EXPECT_EQ(point.scope, Scope::kDescendants) << point.words;
    }
  }
}

TEST(PointPlan, EachPlausibleErrorComesOnceAndForGood) {
  Op lock = call(Sys::kLock);
  const CallTrace trace = {recorded(call(Sys::kSync), "fsync a"), recorded(lock, "lock l")};
  std::vector<std::tuple<std::string, int, bool>> errors;
  for (const CrashPoint& point : plan_points(trace, true)) {
    if (point.blow == Blow::kError) {
      errors.emplace_back(point.at.key, point.error_number, point.sticky);
    }
  }
  EXPECT_THAT(errors,
              ElementsAre(std::tuple("fsync a", ENOSPC, false), std::tuple("fsync a", ENOSPC, true),
                          std::tuple("fsync a", EIO, false), std::tuple("fsync a", EIO, true),
                          std::tuple("fsync a", EDQUOT, false), std::tuple("fsync a", EDQUOT, true),
                          std::tuple("lock l", EINTR, false)));
}

TEST(PointPlan, NumbersBeginAtOneAndAreTheSameForTheSameTrace) {
  const CallTrace trace = {recorded(write_of(9000), "write to a"),
                           recorded(call(Sys::kSync), "fsync a", 1, true),
                           recorded(write_of(10, "pipe:[1]"), "reply")};
  const auto points = plan_points(trace, true);
  const auto again = plan_points(trace, true);
  ASSERT_EQ(points.size(), again.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i].number, static_cast<int>(i) + 1);
    EXPECT_EQ(points[i].words, again[i].words);
    EXPECT_EQ(points[i].at, again[i].at);
  }
}

TEST(PointPlan, WithoutCallsThereAreNoPoints) { EXPECT_THAT(plan_points({}, true), IsEmpty()); }

TEST(Masks, RandomPartsGoAndTheRestStays) {
  for (const auto& [name, masked] : std::vector<std::pair<std::string, std::string>>{
           {"registry.json", "registry.json"},
           {"registry.lock", "registry.lock"},
           {"GLOBAL_REGISTRY.json", "GLOBAL_REGISTRY.json"},
           {"operations.jsonl.1", "operations.jsonl.1"},
           {"template.json", "template.json"},
           {"registry.json.tmp-abcdefghijklm", "registry.json.tmp-*"},
           {"registry.json.tmp-a2c", "registry.json.tmp-*"},
           {"tmpq_wertyu", "tmp*"},
           {".state.json.AbCdEf", ".state.json.*"},
           {"state.json.12345", "state.json.*"},
           {"prompts/worker0-20260102T030405-abcdefghijklm.txt", "prompts/*.txt"},
           {"agent_worker0-20260102T030405-abcdefghijklm.log", "agent_*.log"},
       }) {
    EXPECT_EQ(mask_random_parts(name), masked);
  }
}

TEST(CallNames, AreTheSameForTwoRunsWhoseNamesDiffer) {
  const auto names = [](const std::string& temporary, pid_t pid) {
    CallNames namer({"/w"});
    std::vector<std::string> keys;
    Op create = call(Sys::kOpen, temporary, pid);
    create.flags = O_CREAT | O_EXCL | O_WRONLY;
    Op rename = call(Sys::kRename, temporary, pid);
    rename.path2 = "/w/registry.json";
    for (const Op& op : {create, write_of(static_cast<std::uint64_t>(pid), temporary), rename}) {
      keys.push_back(namer.name(op, false, true).key);
    }
    return keys;
  };
  // Nothing of these names looks random: only how the files were made tells.
  EXPECT_EQ(names("/w/abcdefgh", 100), names("/w/reg-zyxwvuts", 300));
}

TEST(CallNames, SayWhatHappensToWhat) {
  CallNames namer({"/w"});
  Op rename = call(Sys::kRename, "/w/registry.json.tmp-xyz");
  rename.path2 = "/w/registry.json";
  EXPECT_EQ(namer.name(rename, false, true).words, "rename registry.json.tmp-* -> registry.json");
  Op output = call(Sys::kWrite, "pipe:[77]");
  output.fd = 1;
  EXPECT_EQ(namer.name(output, false, true).words, "write to stdout");
}

TEST(CallNames, NameTheProgramThatIsNotTheVictim) {
  CallNames namer({"/w"});
  EXPECT_EQ(namer.name(call(Sys::kExec, "/usr/bin/tmux", kChild), false, false).words, "exec tmux");
  EXPECT_EQ(namer.name(call(Sys::kConnect, "/t/socket", kChild), false, false).words,
            "tmux: connect to socket");
  EXPECT_EQ(namer.name(call(Sys::kConnect, "/t/socket", kChild), false, true).words,
            "connect to socket");
}

/// A thread of a worker that is at an operation.
class PointPolicyTest : public ::testing::Test {
 protected:
  PointPolicyTest() {
    threads_.bind(0, 0, 1);
    control_->threads[0].tid = kVictim;
    control_->threads[0].op = 7;
    classifier_.watched = {"/w"};
    classifier_.history_folder = "/h";
  }
  PointPolicy policy(Blow blow, const CallIdentity& at) {
    CrashPoint point;
    point.blow = blow;
    point.at = at;
    point.error_number = EIO;
    return {threads_, classifier_, Victim::kLaunched, point};
  }

  std::unique_ptr<ControlBlock> control_ = std::make_unique<ControlBlock>();
  ThreadMap threads_{*control_};
  PointClassifier classifier_;
};

TEST_F(PointPolicyTest, StrikesTheHowManiethCallOfThatNameAndNoOther) {
  PointPolicy policy = this->policy(Blow::kBefore, {"fsync registry.json", 2});
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(call(Sys::kSync))));
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(call(Sys::kUnlink))));
  EXPECT_TRUE(std::holds_alternative<KillBefore>(policy.decide(call(Sys::kSync))));
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(call(Sys::kSync))));
}

TEST_F(PointPolicyTest, WhatDoesNotComeUpIsNotCalledDelivered) {
  PointPolicy policy = this->policy(Blow::kBefore, {"fsync other", 1});
  policy.decide(call(Sys::kSync));
  EXPECT_FALSE(policy.delivered());
}

TEST_F(PointPolicyTest, WhatFindsItsVictimDeadIsNotCalledDelivered) {
  for (const bool lived : {false, true}) {
    PointPolicy policy = this->policy(Blow::kBefore, {"fsync registry.json", 1});
    const Verdict verdict = policy.decide(call(Sys::kSync));
    policy.applied(call(Sys::kSync), verdict, lived);
    EXPECT_EQ(policy.delivered().has_value(), lived);
  }
}

TEST_F(PointPolicyTest, CallsOfOtherProcessesAndBetweenOperationsDoNotCount) {
  PointPolicy policy = this->policy(Blow::kBefore, {"fsync registry.json", 1});
  Op foreign = call(Sys::kSync);
  foreign.origin = 999;
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(foreign)));
  control_->threads[0].op = 0;
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(call(Sys::kSync))));
  control_->threads[0].op = 7;
  EXPECT_TRUE(std::holds_alternative<KillBefore>(policy.decide(call(Sys::kSync))));
}

TEST_F(PointPolicyTest, TheReplyIsTheSecondWriteToTheHistory) {
  PointPolicy policy = this->policy(Blow::kAfter, {"reply", 1});
  const Op to_history = write_of(10, "/h/part");
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(to_history)));
  EXPECT_TRUE(std::holds_alternative<KillAfter>(policy.decide(to_history)));
}

TEST_F(PointPolicyTest, AStickyErrorStaysForItsKindAlone) {
  CrashPoint point;
  point.blow = Blow::kError;
  point.at = {"fsync registry.json", 1};
  point.error_number = EIO;
  for (const bool sticky : {false, true}) {
    point.sticky = sticky;
    PointPolicy policy(threads_, classifier_, Victim::kLaunched, point);
    EXPECT_TRUE(std::holds_alternative<Fail>(policy.decide(call(Sys::kSync))));
    EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(call(Sys::kUnlink))));
    EXPECT_EQ(std::holds_alternative<Fail>(policy.decide(call(Sys::kSync, "/w/other"))), sticky);
  }
}

TEST_F(PointPolicyTest, ADaemonsCallsAreItsMakersUpToItsFirstExec) {
  PointPolicy policy = this->policy(Blow::kBefore, {"fsync registry.json", 2});
  Op daemon = call(Sys::kSync, "/w/registry.json", kChild);
  daemon.detached = true;
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(daemon)));  // the first one
  Op exec = call(Sys::kExec, "/bin/sh", kChild);
  exec.detached = true;
  policy.decide(exec);
  EXPECT_TRUE(std::holds_alternative<Proceed>(policy.decide(daemon)));  // none
  EXPECT_TRUE(std::holds_alternative<KillBefore>(policy.decide(call(Sys::kSync))));
}

TEST(SpreadOrder, TakesEachPointOnceAndIsSoonAllOverThem) {
  EXPECT_THAT(spread_order(0), ElementsAre());
  EXPECT_THAT(spread_order(1), ElementsAre(0));
  EXPECT_THAT(spread_order(6), ElementsAre(0, 4, 2, 1, 5, 3));
  const std::vector<std::size_t> order = spread_order(271);
  std::vector<bool> quarters(4);
  for (std::size_t i = 0; i < 5; ++i) quarters[order[i] * 4 / 271] = true;
  EXPECT_THAT(quarters, ElementsAre(true, true, true, true));
}

}  // namespace
}  // namespace stress
