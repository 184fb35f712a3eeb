#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reports/model/report.h"

namespace report {

/// What one task did between two decisions of the scheduler: a relevant call, and all that came
/// after it until its next one.
struct ScheduleStep {
  std::string task;  ///< "A", its first child "A.1", its second thread "A/2"; empty: the harness
  std::string operation;  ///< whose work it is: "A"; empty: the harness's
  std::string program;    ///< "python3", "tmux"
  std::string act;        ///< run, crash, session-kill, agent-exit, pause
  /// In words, random parts of names masked: the same in each repetition. Of a crash: the call
  /// before which it fell. Of a killed session: its name.
  std::string call;
  std::string kind;  ///< of the call: "open", "read", "lock", …; empty: none
  /// That it was about, as named this time: below the watched folder, elsewhere its whole path.
  std::string file;
  std::string file2;  ///< rename, link: the new name
  std::uint64_t bytes = 0;
  std::string
      result;  ///< what came of it where that is not plain: "waits for the lock that B holds"
  /// What the registry held when it was looked into, or holds since it was changed: "2 agents:
  /// a-1 running, a-2 starting"; empty where the call did neither.
  std::string registry;
  bool preemption = false;  ///< who ran before could have gone on
  double begin_us = 0;      ///< since the schedule's begin
  double end_us = 0;
  bool operator==(const ScheduleStep&) const = default;
};

struct ScheduledOperation {
  std::string label;    ///< "A"
  std::string words;    ///< "spawn worker1", "update agent-1", "repair"
  std::string outcome;  ///< ok, refused, info; killed: it was, by the explorer; stuck
  std::string reply;    ///< the agent's id, or the error
  bool operator==(const ScheduledOperation&) const = default;
};

/// How large a failing schedule is, in what shrinking can take away.
struct ScheduleSize {
  int operations = 0;
  int preemptions = 0;
  int faults = 0;
  int steps = 0;
  bool operator==(const ScheduleSize&) const = default;
};

/// One schedule that ends in a violation, as short as it could be made.
struct FailingSchedule {
  std::string found_by;  ///< "random walk, schedule 3 of seed 7"
  double found_after_s = 0;
  std::vector<ScheduledOperation> operations;
  std::vector<ScheduleStep> steps;
  std::vector<InvariantResult> broken;
  std::vector<std::string> deadlock;  ///< one line a waiter: "B waits for .lock, which A holds"
  ScheduleSize found;                 ///< as it was found
  ScheduleSize shrunk;                ///< as it is here
  int replays = 0;                    ///< of the shrunk one
  int replays_same = 0;               ///< with the same verdict and the same trace
  std::string departed;  ///< where a replay did something else, in words; empty: none did
  std::string file;      ///< the decision list, relative to the results
  bool operator==(const FailingSchedule&) const = default;
};

/// Schedules of a target's operations, as chosen by a strategy; plain values, no behaviour.
struct Exploration {
  std::string version;
  std::string target;
  std::vector<std::string> operations;  ///< in words
  std::string sessions;                 ///< tmux, process, none
  std::string strategy;                 ///< random, pct, exhaustive, swarm
  std::uint64_t seed = 0;
  int jobs = 1;
  int crashes_max = 0;               ///< processes that may be killed in one schedule
  int preemptions_max = -1;          ///< exhaustive; -1: no bound
  std::vector<std::string> command;  ///< argv that makes this run again
  std::string started_at;            ///< ISO 8601 UTC
  double duration_s = 0;
  Verdict verdict = Verdict::kUnknown;
  std::string reason;  ///< why unknown
  std::string
      reproducible;  ///< exact, if each failure came up again in each replay; or statistical
  std::uint64_t executed = 0;
  std::uint64_t pruned = 0;   ///< exhaustive: branches that lead to a state that was explored
  std::uint64_t failing = 0;  ///< schedules with a violation
  std::uint64_t unknown = 0;  ///< schedules that could not be judged
  std::map<std::string, std::uint64_t> judged;  ///< by invariant: schedules of which it says
  int tasks = 0;                                ///< of the longest schedule
  int steps = 0;
  bool exhaustive = false;
  /// "exhaustive: all schedules with at most 2 preemptions, 40 executed, 12 pruned", "stopped at
  /// the time limit: …"; empty for other strategies.
  std::string coverage;
  std::string guarantee;  ///< PCT: "a bug of depth 2 is found with at least 1/(2*14) a schedule"
  std::vector<FailingSchedule> failures;  ///< one for each way to fail
  std::vector<std::string> notes;         ///< what was not watched, what fell back
  bool operator==(const Exploration&) const = default;
};

}  // namespace report
