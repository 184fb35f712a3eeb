#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/report.h"

namespace report {

/// What came of one crash point.
enum class PointVerdict {
  kOk,
  kRecovered,  ///< sound after the target's repair, which had something to do
  kViolation,
  kUnknown,     ///< the harness could not tell
  kNotReached,  ///< its call did not come up in the repetition
  kNotRun,      ///< the time was over before
};
std::string_view to_string(PointVerdict verdict);

struct PointResult {
  int number = 0;       ///< 0: the run without any fault
  std::string at;       ///< "before rename registry.json.tmp-* -> registry.json"
  std::string variant;  ///< "process only", "with descendants", "-"
  PointVerdict verdict = PointVerdict::kNotRun;
  std::string reply;   ///< what the operation's caller was told: ok, refused, info; none: -
  std::string blow;    ///< the call as it was hit
  std::string reason;  ///< why unknown; beside a violation: what could not be judged
  std::vector<InvariantResult> broken;
  std::string reproducible;  ///< violation: exact or statistical; else empty
  double seconds = 0;
  bool operator==(const PointResult&) const = default;
};

/// Crash points of one operation, one by one; plain values, no behaviour.
struct Crashes {
  std::string version;
  std::string target;
  std::string operation;
  std::string sessions;
  std::uint64_t seed = 0;
  int only = 0;                      ///< the one point that was asked for; 0: all
  std::vector<std::string> command;  ///< argv that makes this run again
  std::string started_at;            ///< ISO 8601 UTC
  double duration_s = 0;
  Verdict verdict = Verdict::kUnknown;
  /// All points ran, all were delivered, all were judged, and no effect went past the supervisor.
  bool exhaustive = false;
  std::string
      reproducible;    ///< exact, if each violation came up again at its point; or statistical
  std::string victim;  ///< whom a crash kills: "the spawning process", "the command"
  std::vector<std::string> calls;  ///< of the operation, in words
  PointResult control;             ///< without any fault
  std::vector<PointResult> points;
  std::vector<std::string> notes;  ///< what was not watched
  bool operator==(const Crashes&) const = default;
};

/// How many points have this verdict.
std::size_t count_of(const Crashes& crashes, PointVerdict verdict);

}  // namespace report
