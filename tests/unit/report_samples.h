#pragma once

#include <string>

#include "reports/model/crashes.h"
#include "reports/model/report.h"
#include "reports/model/score.h"

namespace report::testing {

/// Text that breaks whoever forgets to escape: markup, quotes, control characters, bytes that are
/// no UTF-8, an escape sequence, a long word.
inline const std::string kNasty =
    "<b>&amp;\"'|`*\n\x1b[31mred\x07 \xff ]]> 漢字 \xEF\xBF\xBF " + std::string(150, 'w');

inline Report passing_report() {
  Report report;
  report.name = "smoke";
  report.version = "0.1.0";
  report.verdict = Verdict::kPass;
  report.seed = 18'446'744'073'709'551'615u;
  report.reproducible = "statistical";
  report.engine = "storm";
  report.injection = "supervisor";
  report.target = "builtin";
  report.started_at = "2024-05-06T07:08:09Z";
  report.duration_s = 12.25;
  report.command = {"stress", "--agents", "10", "--out", "a folder/it's"};
  report.settings = {{"agents", "10"}};
  report.totals = {.spawns_required = 100,
                   .spawns_acknowledged = 100,
                   .spawns_refused = 1,
                   .spawns_info = 10,
                   .operations = 412,
                   .crashes_drawn = 10,
                   .crashes_injected = 10,
                   .faults_injected = 12,
                   .snapshots = 214};
  report.invariants = {
      {"registry-readable", Verdict::kPass, 214, "214 snapshots", {}, 0},
      {"no-duplicates", Verdict::kNotApplicable, 0, "the target does not promise it", {}, 0}};
  report.faults = {{"crash", "write-mid", 2, 2}, {"pause", "", 3, 2}};
  report.latency = {{"spawn", 110, 12.5, 80.25, 99}};
  report.notes = {"processes of the tmux server are not watched"};
  return report;
}

inline Report failing_report() {
  Report report = passing_report();
  report.verdict = Verdict::kFail;
  InvariantResult broken;
  broken.id = "acked-present";
  broken.verdict = Verdict::kFail;
  broken.checked = 99;
  broken.evidence = kNasty;
  broken.violations_total = 21;
  for (int i = 0; i < 20; ++i) {
    Violation violation;
    violation.summary = "Agent a-" + std::to_string(i) + " is missing. " + kNasty;
    violation.agent = "a-" + std::to_string(i);
    violation.operations = {"+1.000 ms .. +2.000 ms  p1.t1  spawn #1 ok", kNasty};
    violation.fault = "crash write-mid: " + kNasty;
    violation.registry_before = "{\"id\": \"a\"}" + kNasty;
    violation.registry_after = "(absent)";
    broken.violations.push_back(violation);
  }
  report.invariants.push_back(broken);
  report.invariants.push_back({"progress",
                               Verdict::kUnknown,
                               412,
                               "1 operation overdue, but not proven to be stuck",
                               {},
                               0});
  report.name = kNasty;
  report.target = kNasty;
  report.notes = {kNasty};
  report.faults.push_back({kNasty, kNasty, 1, 0});
  report.latency.push_back({kNasty, 1, 1, 1, 1});
  report.settings[kNasty] = kNasty;
  return report;
}

/// Passes, as the only violation is one of the baseline.
inline Report known_report() {
  Report report = passing_report();
  report.seed = 1;
  InvariantResult known{.id = "no-ghosts", .verdict = Verdict::kKnown, .checked = 3};
  known.violations.push_back({.summary = "Agent a-1 has no session.",
                              .agent = "a-1",
                              .fingerprint = "Agent * has no session.",
                              .known = true});
  known.violations_total = known.violations_known = 1;
  known.fingerprints = {{"Agent * has no session.", 1}};
  report.invariants.push_back(known);
  return report;
}

inline Report unknown_report() {
  Report report = passing_report();
  report.verdict = Verdict::kUnknown;
  report.reason = "the run did not come to its planned end";
  return report;
}

inline Crashes sound_crashes() {
  Crashes crashes;
  crashes.version = "0.1.0";
  crashes.target = "builtin";
  crashes.operation = "update";
  crashes.sessions = "process";
  crashes.seed = 1;
  crashes.command = {"stress", "crashes", "--out", "a folder/it's"};
  crashes.started_at = "2024-05-06T07:08:09Z";
  crashes.duration_s = 3.5;
  crashes.verdict = Verdict::kPass;
  crashes.exhaustive = true;
  crashes.reproducible = "exact";
  crashes.victim = "the worker process";
  crashes.calls = {"lock registry.lock", "rename registry.json.tmp-* -> registry.json"};
  crashes.control = {.at = "no fault", .variant = "-", .verdict = PointVerdict::kOk, .reply = "ok"};
  crashes.points = {{.number = 1,
                     .at = "before lock registry.lock",
                     .variant = "process only",
                     .verdict = PointVerdict::kOk,
                     .reply = "none",
                     .blow = "before lock registry.lock: flock of /w/registry.lock",
                     .seconds = 1.25},
                    {.number = 2,
                     .at = "EIO of fsync registry.json.tmp-*",
                     .variant = "-",
                     .verdict = PointVerdict::kRecovered,
                     .reply = "info",
                     .seconds = 1}};
  crashes.notes = {"panes are not supervised"};
  return crashes;
}

/// With a violation, points that were not run, and nasty text everywhere.
inline Crashes violated_crashes() {
  Crashes crashes = sound_crashes();
  crashes.verdict = Verdict::kFail;
  crashes.exhaustive = false;
  crashes.reproducible = "statistical";
  crashes.calls.push_back(kNasty);
  PointResult violation = crashes.points[0];
  violation.number = 3;
  violation.at = kNasty;
  violation.verdict = PointVerdict::kViolation;
  violation.reproducible = "statistical";
  violation.broken = {failing_report().invariants[2]};
  crashes.points.push_back(violation);
  crashes.points.push_back({.number = 4, .at = "after reply", .variant = "process only"});
  return crashes;
}

/// One found by a storm and by an exploration, one missed with the same twin, one that waits; nasty
/// text.
inline Score a_score() {
  Score score;
  score.version = "0.1.0";
  score.command = {"stress", "score", "list.json"};
  score.started_at = "2024-05-06T07:08:09Z";
  score.duration_s = 99.5;
  SpecimenScore found{.name = "no-lock",
                      .flaw = "There is no lock.",
                      .invariant = "no-lost-update",
                      .engine = "storm",
                      .arguments = {"--agents", "10"},
                      .verdict = SpecimenVerdict::kFound,
                      .runs = 2,
                      .seconds = 12.25,
                      .shrunk = {},
                      .note = {},
                      .twin = "correct.json",
                      .twin_verdict = TwinVerdict::kClean,
                      .twin_runs = 3,
                      .twin_note = {}};
  SpecimenScore explored = found;
  explored.engine = "explore";
  explored.arguments = {"--spawners", "2"};
  explored.runs = 1;
  explored.seconds = 0.28;
  explored.schedules = 3;
  explored.shrunk = {.operations = 2, .preemptions = 1, .faults = 0, .steps = 45};
  SpecimenScore missed = found;
  missed.name = "torn";
  missed.flaw = missed.note = kNasty;
  missed.verdict = SpecimenVerdict::kMissed;
  SpecimenScore waiting = found;
  waiting.name = "schedule";
  waiting.engine = "powerloss";
  waiting.verdict = SpecimenVerdict::kWaiting;
  waiting.twin_verdict = TwinVerdict::kNotRun;
  waiting.runs = waiting.twin_runs = 0;
  score.specimens = {found, explored, missed, waiting};
  return score;
}

}  // namespace report::testing
