#include "harness/fault/crash_plan.h"

#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace stress {
namespace {

PathProfile full_path() {
  PathProfile path;
  path.occurrences = {5, 2, 2, 2, 2, 1, 3, 2};
  path.writes_over_a_page = 2;
  return path;
}

std::map<std::uint64_t, Hit> hits(const CrashPlan& plan, std::uint64_t spawns) {
  std::map<std::uint64_t, Hit> result;
  for (std::uint64_t slot = 0; slot < spawns; ++slot) {
    if (const Hit* hit = plan.hit(slot, false)) result[slot] = *hit;
  }
  return result;
}

TEST(CrashPlan, HitsExactlyTheRoundedShareOfTheSpawns) {
  for (const double rate : {0.0, 0.01, 0.1, 0.125, 0.5, 1.0}) {
    for (const std::uint64_t spawns : {1u, 9u, 100u, 333u}) {
      const CrashPlan plan(Choice(7), rate, spawns, full_path());
      EXPECT_EQ(hits(plan, spawns).size(),
                static_cast<std::size_t>(std::llround(rate * static_cast<double>(spawns))))
          << rate << " of " << spawns;
    }
  }
}

TEST(CrashPlan, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const auto slots = [](std::uint64_t seed) {
    std::set<std::uint64_t> result;
    for (const auto& [slot, hit] : hits(CrashPlan(Choice(seed), 0.1, 1000, full_path()), 1000)) {
      result.insert(slot);
    }
    return result;
  };
  EXPECT_EQ(slots(1), slots(1));
  EXPECT_NE(slots(1), slots(2));
}

TEST(CrashPlan, CoversEveryClassOnThePathAsEvenlyAsItGoes) {
  const CrashPlan plan(Choice(3), 0.34, 100, full_path());  // 34 hits on 17 classes
  std::map<PointClass, int> by_class;
  for (const Hit& hit : plan.drawn()) ++by_class[hit.cls];
  EXPECT_EQ(by_class.size(), 17u);
  for (const auto& [cls, count] : by_class) EXPECT_EQ(count, 2) << to_string(cls);
}

TEST(CrashPlan, TearsAWriteInEveryRunThatCrashesAtAll) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const CrashPlan plan(Choice(seed), 0.01, 100, full_path());
    ASSERT_EQ(plan.drawn().size(), 1u);
    EXPECT_EQ(to_string(plan.drawn()[0].cls), "write-mid");
  }
}

TEST(CrashPlan, DrawsOnlyPointsThatOccurOnThePath) {
  PathProfile path;
  path.occurrences = {3, 0, 0, 0, 0, 0, 0, 2};  // writes and the reply, nothing to tear
  const CrashPlan plan(Choice(5), 1.0, 200, path);
  for (const Hit& hit : plan.drawn()) {
    EXPECT_TRUE(hit.cls.kind == PointKind::kWrite || hit.cls.kind == PointKind::kReply);
    EXPECT_NE(hit.cls.position, Position::kMid);
    EXPECT_GE(hit.occurrence, 1);
    EXPECT_LE(hit.occurrence, hit.cls.kind == PointKind::kWrite ? 3 : 1);
  }
}

TEST(CrashPlan, LeavesReplacementsAlone) {
  const CrashPlan plan(Choice(5), 1.0, 10, full_path());
  for (std::uint64_t slot = 0; slot < 10; ++slot) {
    EXPECT_NE(plan.hit(slot, false), nullptr);
    EXPECT_EQ(plan.hit(slot, true), nullptr);
  }
}

TEST(CrashPlan, AHitThatWasCutOffMovesToASpawnThatHasNotBegun) {
  CrashPlan plan(Choice(5), 0.5, 10, full_path());
  const auto before = hits(plan, 10);
  const std::uint64_t cut_off = before.begin()->first;
  plan.begun(cut_off);
  plan.redraw(cut_off);
  const auto after = hits(plan, 10);
  EXPECT_EQ(after.size(), before.size());
  EXPECT_FALSE(after.contains(cut_off));
}

TEST(CrashPlan, AHitWithNowhereToGoFallsOnTheNextAttempt) {
  CrashPlan plan(Choice(5), 1.0, 3, full_path());
  for (std::uint64_t slot = 0; slot < 3; ++slot) plan.begun(slot);
  plan.redraw(1);
  EXPECT_EQ(plan.hit(1, false), nullptr);
  EXPECT_NE(plan.hit(1, true), nullptr);
  plan.delivered(1);
  EXPECT_EQ(plan.hit(1, true), nullptr);
  EXPECT_EQ(plan.outstanding(), 2u);
}

/// A call below a watched folder, by a command or by its worker.
Op call(Sys sys, const std::string& path, bool by_command) {
  Op op;
  op.sys = sys;
  op.path = op.path2 = path;
  op.pid = by_command ? 20 : 10;
  op.in_root = !by_command;
  op.command = by_command ? 20 : 0;
  op.in_command = by_command;
  op.fd = 5;
  return op;
}

TEST(PointClassifier, WhereTheTargetRunsCommandsOnlyTheirCallsArePoints) {
  PointClassifier classifier{{"/w"}, "/h", "/t/tmux", true};
  const std::vector<std::pair<Op, PointKind>> points = {
      {call(Sys::kWrite, "/w/registry", true), PointKind::kWrite},
      {call(Sys::kRename, "/w/registry", true), PointKind::kRename},
      {call(Sys::kExec, "/bin/python3", true), PointKind::kExec},
      {call(Sys::kConnect, "/t/tmux", true), PointKind::kSocket},
      {call(Sys::kWrite, "pipe:[1]", true), PointKind::kOutput},
      {call(Sys::kExit, "", true), PointKind::kExit}};
  for (const auto& [op, kind] : points) EXPECT_EQ(classifier.kind_of(op), kind);
  for (const Sys sys : {Sys::kWrite, Sys::kRename, Sys::kExit}) {
    EXPECT_EQ(classifier.kind_of(call(sys, "/w/registry", false)), std::nullopt);
  }
  EXPECT_EQ(classifier.kind_of(call(Sys::kWrite, "/h/part", false)), std::nullopt);
}

TEST(PointClassifier, WhereTheTargetIsALibraryItsWorkersCallsArePoints) {
  const PointClassifier classifier{{"/w"}, "/h", "/t/tmux", false};
  EXPECT_EQ(classifier.kind_of(call(Sys::kWrite, "/w/registry", false)), PointKind::kWrite);
  EXPECT_EQ(classifier.kind_of(call(Sys::kWrite, "/h/part", false)), PointKind::kReply);
  EXPECT_EQ(classifier.kind_of(call(Sys::kWrite, "pipe:[1]", true)), std::nullopt);
  EXPECT_EQ(classifier.kind_of(call(Sys::kExit, "", true)), std::nullopt);
}

TEST(CrashPlan, NothingComesAfterAnExit) {
  for (const std::string& name : all_point_classes()) EXPECT_NE(name, "exit-after");
  PathProfile path;
  path.occurrences[static_cast<std::size_t>(PointKind::kExit)] = 1;
  const CrashPlan plan(Choice(1), 1.0, 10, path);
  for (const Hit& hit : plan.drawn()) {
    EXPECT_EQ(to_string(hit.cls), "exit-before");
  }
}

TEST(TornBytes, EndsAtAPageBoundaryOfTheFileInsideTheWrite) {
  for (const std::uint64_t offset : {0u, 1u, 4095u, 4096u, 5000u}) {
    for (const std::uint64_t bytes : {1u, 100u, 4096u, 4097u, 20000u}) {
      for (const double fraction : {0.0, 0.3, 0.999}) {
        const auto cut = torn_bytes(offset, bytes, fraction);
        const bool crosses = offset / 4096 != (offset + bytes - 1) / 4096;
        ASSERT_EQ(cut.has_value(), crosses) << offset << " " << bytes;
        if (!cut) continue;
        EXPECT_EQ((offset + *cut) % 4096, 0u);
        EXPECT_GT(*cut, 0u);
        EXPECT_LT(*cut, bytes);
      }
    }
  }
}

TEST(TornBytes, ReachesEveryBoundary) {
  std::set<std::uint64_t> cuts;
  for (int i = 0; i < 100; ++i) cuts.insert(*torn_bytes(100, 16384, i / 100.0));
  EXPECT_EQ(cuts, (std::set<std::uint64_t>{3996, 8092, 12188, 16284}));
}

}  // namespace
}  // namespace stress
