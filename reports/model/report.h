#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace report {

/// kKnown: violated, in ways that a baseline knows, and in no other. Of invariants only.
enum class Verdict { kPass, kFail, kUnknown, kNotApplicable, kKnown };
std::string_view to_string(Verdict verdict);

/// A broken promise, told so that a reader needs no other file.
struct Violation {
  std::string summary;  ///< one sentence, with the agent's id where there is one
  std::string agent;
  std::vector<std::string> operations;  ///< those around it, one line each, by time
  std::string fault;                    ///< the last fault before it; empty: none
  std::string registry_before;          ///< bytes of the record, or of the file's damaged place
  std::string registry_after;
  std::string fingerprint{};  ///< the same for the same violation in another run: see fingerprint.h
  bool known = false;         ///< to the baseline
  bool operator==(const Violation&) const = default;
};

struct InvariantResult {
  std::string id;
  Verdict verdict = Verdict::kUnknown;
  std::uint64_t checked = 0;          ///< how many facts were held against it
  std::string evidence;               ///< which: "214 snapshots, 100 acknowledged spawns"
  std::vector<Violation> violations;  ///< the first 20
  std::uint64_t violations_total = 0;
  std::map<std::string, std::uint64_t> fingerprints{};  ///< of all violations: how many have it
  std::uint64_t violations_known = 0;                   ///< to the baseline
  std::string unjudged{};  ///< what could not be judged beside the violations; not stored
  bool operator==(const InvariantResult&) const = default;
};

struct FaultLine {
  std::string kind;  ///< crash, pause, session-kill, server-kill
  std::string cls;
  std::uint64_t drawn = 0;
  std::uint64_t injected = 0;
  bool operator==(const FaultLine&) const = default;
};

struct LatencyLine {
  std::string operation;
  std::uint64_t count = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
  bool operator==(const LatencyLine&) const = default;
};

struct Totals {
  std::uint64_t spawns_required = 0;
  std::uint64_t spawns_acknowledged = 0;
  std::uint64_t spawns_refused = 0;
  std::uint64_t spawns_info = 0;
  std::uint64_t operations = 0;
  std::uint64_t crashes_drawn = 0;
  std::uint64_t crashes_injected = 0;
  std::uint64_t faults_injected = 0;
  std::uint64_t snapshots = 0;
  bool operator==(const Totals&) const = default;
};

/// One run's result; plain values, no behaviour.
struct Report {
  std::string name;
  std::string version;
  Verdict verdict = Verdict::kUnknown;
  std::string reason;  ///< why unknown; empty otherwise
  std::uint64_t seed = 0;
  std::string reproducible;  ///< exact or statistical
  std::string engine;        ///< storm
  std::string injection;     ///< supervisor, or signals (with the reason)
  std::string target;
  std::string started_at;  ///< ISO 8601 UTC
  double duration_s = 0;
  std::vector<std::string> command;  ///< argv that makes this run again
  std::map<std::string, std::string> settings;
  Totals totals;
  std::vector<InvariantResult> invariants;
  std::vector<FaultLine> faults;
  std::vector<LatencyLine> latency;
  std::vector<std::string> notes;  ///< what was not watched, what fell back
  bool operator==(const Report&) const = default;
};

}  // namespace report
