#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/history/evidence.h"

namespace stress::check {

/// A violation as a judge finds it; Story adds what happened around it.
struct Finding {
  std::string summary;  ///< one sentence, with the agent's id where there is one
  std::string agent;
  std::vector<std::string> with;  ///< other agents concerned
  Nanoseconds at = 0;             ///< when it showed
  std::string before;             ///< the record before, rendered
  std::string after;
};

std::string_view to_string(OpKind kind);
std::string_view to_string(OpOutcome outcome);

/// The record as JSON-like text, members that are empty left out.
std::string render(const ObservedAgent& agent);
/// The same, or "(absent)".
std::string render(const ObservedAgent* agent);
/// Text in quotes, with control characters escaped.
std::string quote(std::string_view text);

/// Tells pieces of the evidence to people. Times are milliseconds since the run's first event.
/// Refers to the evidence, which must outlive it.
class Story {
 public:
  explicit Story(const Evidence& evidence);

  /// "+12.345 ms"
  [[nodiscard]] std::string when(Nanoseconds at) const;
  /// "operation 17 (update by p3.t1)"
  [[nodiscard]] static std::string name(const Operation& op);
  /// One line: when, who, what, outcome.
  [[nodiscard]] std::string line(const Operation& op) const;

  /// The operations on the finding's agents, those nearest to it in time, one line each. Where
  /// there is none: spawns of unknown outcome, one of which must have made the agent. A finding
  /// without an agent: the operations in flight at that time, else the last before it.
  [[nodiscard]] std::vector<std::string> operations_around(const Finding& finding) const;
  /// The last injected fault before it that hit one of its agents; else the last one of all; else
  /// empty.
  [[nodiscard]] std::string fault_before(const Finding& finding) const;

 private:
  [[nodiscard]] const Operation* find(std::uint64_t id) const;
  [[nodiscard]] std::string line(const Fault& fault) const;

  const Evidence& evidence_;
  Nanoseconds origin_ = 0;
  std::unordered_map<std::uint64_t, const Operation*> by_id_;
};

}  // namespace stress::check
