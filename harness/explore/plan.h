#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/schedule/moment.h"
#include "harness/schedule/script.h"
#include "harness/schedule/step.h"
#include "harness/target/target.h"
#include "reports/model/exploration.h"

namespace stress {

/// What all schedules of an exploration have in common: the target, its operations, the start.
struct Scene {
  std::string target;
  std::string sessions;
  std::vector<std::string> ops;  ///< see ExploreSettings
  bool agents_at_once = false;   ///< likewise
  bool begin_in_order = false;   ///< likewise
  int prepared = 0;
  int types = 0;
  std::uint64_t seed = 1;        ///< of random bytes and of what the operations ask for
  std::filesystem::path folder;  ///< the explorer's own
  int explorer = 0;              ///< on which processor it runs, counted around
  bool operator==(const Scene&) const = default;
};

/// How one schedule is to be chosen.
struct SchedulePlan {
  enum class Kind {
    kRandom,  ///< a random walk
    kPct,     ///< priorities and change points
    kPrefix,  ///< these decisions, then by default
    kScript,  ///< these stretches, as far as they go, then by default
    kReplay,  ///< exactly these decisions, each with the call that it stands before
  };
  std::uint64_t id = 0;  ///< by which the result refers to it
  Kind kind = Kind::kRandom;
  std::uint64_t seed = 0;
  int crashes_max = 0;
  int depth = 0;                     ///< kPct
  std::uint64_t range = 0;           ///< kRandom, kPct: how many steps a run has
  std::vector<Decision> decisions;   ///< kPrefix, kReplay
  std::vector<std::string> trace;    ///< kReplay: trace_of() of the recorded run
  std::vector<Stretch> script;       ///< kScript
  std::vector<std::string> without;  ///< labels of operations that do not take part
  bool moments = false;              ///< the result is to tell all there was to choose from
  bool story = false;                ///< the result is to tell it in full
  bool operator==(const SchedulePlan&) const = default;
};

/// What came of it.
struct ScheduleResult {
  std::uint64_t id = 0;
  report::Verdict verdict = report::Verdict::kUnknown;
  std::string reason;    ///< why unknown
  std::string departed;  ///< kReplay: where it did something else than was recorded
  std::vector<report::InvariantResult> broken;
  std::vector<std::string> judged;  ///< invariants that hold or are broken
  std::vector<Decision> decisions;
  std::vector<std::string> trace;
  std::vector<Moment> moments;     ///< one a decision, where asked for
  std::vector<std::uint64_t> met;  ///< likewise: see Meetings
  /// Likewise: it was cut where it came to what the explorer had run before. The last moment and
  /// decision are those that led there, and were not carried out.
  bool known = false;
  int preemptions = 0;
  int crashes = 0;
  int tasks = 0;
  double seconds = 0;
  std::vector<std::string> blind_spots;  ///< in words
  report::FailingSchedule story;         ///< where asked for
  bool operator==(const ScheduleResult&) const = default;
};

/// For the pipe between `stress explore` and its explorers, one line each.
std::string encode(const Scene& scene);
std::string encode(const SchedulePlan& plan);
std::string encode(const ScheduleResult& result);
/// Errors: kInvalid.
base::Result<Scene> decode_scene(const std::string& line);
base::Result<SchedulePlan> decode_plan(const std::string& line);
base::Result<ScheduleResult> decode_result(const std::string& line);

}  // namespace stress
