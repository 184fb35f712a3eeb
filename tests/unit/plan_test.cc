// Goal: nothing is lost between `stress explore` and its explorers. Method: values of which no
// member has its default go through a line and back; a structured binding over all members makes
// whoever adds one add it here.
#include "harness/explore/plan.h"

#include <gtest/gtest.h>

namespace stress {
namespace {

Candidate any_candidate() {
  Candidate candidate{"A.1", "A", "A", "lock registry.lock", 17, true, 5, "B"};
  const auto& [task, operation, turn, key, state, yields, lock, asks_after] = candidate;
  static_cast<void>(std::tie(task, operation, turn, key, state, yields, lock, asks_after));
  return candidate;
}

Mortal any_mortal() {
  Mortal mortal{"A", true, true, true, 2, {17}, 18};
  const auto& [operation, has_descendants, is_heard, shares_files, standing, locks, state] = mortal;
  static_cast<void>(
      std::tie(operation, has_descendants, is_heard, shares_files, standing, locks, state));
  return mortal;
}

Moment any_moment() {
  Moment moment{7,   {any_candidate(), any_candidate()}, {any_mortal()}, 1, "A", true, true, true,
                true};
  const auto& [step, candidates, mortals, last, turn, held_up, forced, traceless, once_dead] =
      moment;
  static_cast<void>(
      std::tie(step, candidates, mortals, last, turn, held_up, forced, traceless, once_dead));
  return moment;
}

std::vector<Decision> any_decisions() {
  return {{Act::kRun, "A"}, {Act::kCrash, "B"}, {Act::kCrashWithDescendants, "C"}};
}

TEST(Plan, ASceneGoesThroughALine) {
  const Scene scene{"target.json", "process", {"spawn", "kill"}, true, true, 2, 3, 4, "/w", 1};
  const auto& [target, sessions, ops, at_once, in_order, prepared, types, seed, folder, explorer] =
      scene;
  static_cast<void>(
      std::tie(target, sessions, ops, at_once, in_order, prepared, types, seed, folder, explorer));
  const auto again = decode_scene(encode(scene));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, scene);
}

TEST(Plan, APlanGoesThroughALineInEachKind) {
  using Kind = SchedulePlan::Kind;
  for (const Kind kind : {Kind::kRandom, Kind::kPct, Kind::kPrefix, Kind::kScript, Kind::kReplay}) {
    const SchedulePlan plan{
        1,     kind, 2,   3, 4, 5, any_decisions(), {"A: start"}, {{{Act::kRun, "A"}, 6}},
        {"B"}, true, true};
    const auto& [id, which, seed, crashes_max, depth, range, decisions, trace, script, without,
                 moments, story] = plan;
    static_cast<void>(std::tie(id, which, seed, crashes_max, depth, range, decisions, trace, script,
                               without, moments, story));
    const auto again = decode_plan(encode(plan));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, plan);
  }
}

TEST(Plan, AResultGoesThroughALine) {
  ScheduleResult result;
  auto& [id, verdict, reason, departed, broken, judged, decisions, trace, moments, met, known,
         preemptions, crashes, tasks, seconds, blind_spots, story] = result;
  id = 1;
  verdict = report::Verdict::kFail;
  reason = "a reason";
  departed = "at step 3";
  broken = {{.id = "no-ghosts", .verdict = report::Verdict::kFail}};
  judged = {"no-ghosts", "unique-ids"};
  decisions = any_decisions();
  trace = {"A: start"};
  moments = {any_moment(), {8, {any_candidate()}}};
  met = {1, ~std::uint64_t{0}};
  known = true;
  preemptions = 2;
  crashes = 1;
  tasks = 4;
  seconds = 0.5;
  blind_spots = {"shared memory"};
  story.found_by = "pct";
  const auto again = decode_result(encode(result));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, result);
}

TEST(Plan, WhatIsNoLineOfOursIsRefused) {
  EXPECT_FALSE(decode_scene("{"));
  EXPECT_FALSE(decode_plan("[]"));
  EXPECT_FALSE(decode_result("{\"moments\": [{}]}"));
}

}  // namespace
}  // namespace stress
