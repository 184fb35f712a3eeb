#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// What came of a specimen: an orchestrator with one flaw.
enum class SpecimenVerdict {
  kFound,   ///< the named invariant was violated
  kMissed,  ///< the time was over, and it was not
  kWaiting  ///< for an engine that there is not yet; or it was not got round to
};
std::string_view to_string(SpecimenVerdict verdict);

/// What came of its twin: the same orchestrator without the flaw.
enum class TwinVerdict {
  kClean,
  kViolated,
  kUnknown,  ///< a run of it could not be judged
  kNotRun
};
std::string_view to_string(TwinVerdict verdict);

struct SpecimenScore {
  std::string name;
  std::string flaw;
  std::string invariant;               ///< that must catch it
  std::string engine;                  ///< storm, crashes, explore; powerloss: waiting
  std::vector<std::string> arguments;  ///< of the engine
  SpecimenVerdict verdict = SpecimenVerdict::kWaiting;
  int runs = 0;
  double seconds = 0;           ///< of all its runs; explore, found: until the failing schedule
  std::uint64_t schedules = 0;  ///< explore: executed until then
  ScheduleSize shrunk;          ///< explore, found: the failing schedule made short
  std::string note;             ///< where missed: what the last run said
  std::string twin;             ///< its target file
  TwinVerdict twin_verdict = TwinVerdict::kNotRun;
  int twin_runs = 0;      ///< specimens with the same twin and arguments share them
  std::string twin_note;  ///< where not clean: what the run said
  bool operator==(const SpecimenScore&) const = default;
};

/// The harness's own score: which planted flaws it found; plain values, no behaviour. A specimen
/// that two engines look at is in it twice.
struct Score {
  std::string version;
  std::vector<std::string> command;  ///< argv that makes this run again
  std::string started_at;            ///< ISO 8601 UTC
  double duration_s = 0;
  bool interrupted = false;
  std::vector<SpecimenScore> specimens;
  bool operator==(const Score&) const = default;
};

struct ScoreTotals {
  std::size_t found = 0;
  std::size_t of = 0;  ///< those that were run
  std::size_t waiting = 0;
  std::size_t twins_clean = 0;
  std::size_t twins = 0;  ///< each once with the same engine and arguments
  [[nodiscard]] bool perfect() const { return found == of && twins_clean == twins; }
};
ScoreTotals totals_of(const Score& score);

/// "found 41 of 44, no violation on 27 twins; 6 wait for their engine"
std::string in_one_line(const Score& score);

}  // namespace report
