#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/check/register_judge.h"
#include "harness/check/run_index.h"

namespace stress::check {

/// One field of one agent: what was asked for, and what was read.
struct Register {
  std::unordered_map<std::string_view, WriteSet> writes;  ///< by value, sorted
  Acknowledged required;
  std::vector<ValueRun> runs;
};

struct AgentTrack {
  std::string_view id;
  const Operation* spawn = nullptr;  ///< where acknowledged
  std::size_t first_seen = 0;        ///< index of the read
  std::vector<Register> registers;   ///< by field
  Acknowledged kills;
  std::vector<PossibleWrite> kill_writes;
};

/// Lays the evidence out by agent and field. Reads are the readable snapshots, by index. Refers to
/// the evidence, which must outlive it. Thread-safety: immutable once made.
class FieldTracks {
 public:
  static constexpr std::size_t kStatus = 0;

  explicit FieldTracks(const Evidence& evidence);

  [[nodiscard]] const std::vector<std::string>& fields() const { return fields_; }
  /// Those that some snapshot has shown, in the order of their first appearance.
  [[nodiscard]] const std::vector<AgentTrack>& agents() const { return agents_; }
  [[nodiscard]] std::size_t reads() const { return reads_.size(); }
  [[nodiscard]] Interval read(std::size_t index) const { return reads_[index]; }
  /// The first that began after `at`; it must exist.
  [[nodiscard]] std::size_t first_read_after(Nanoseconds at) const;

  /// Whether any record has shown the field at all.
  [[nodiscard]] bool is_observed(std::size_t field) const { return observed_[field]; }
  /// Whether some operation of the run asks for the status.
  [[nodiscard]] bool is_asked(std::string_view status) const;
  [[nodiscard]] bool is_terminal(std::string_view status) const;
  [[nodiscard]] const std::set<std::string>& terminal() const { return target_.terminal; }
  /// The first operation that asked for `value` on another agent; none: nullptr.
  [[nodiscard]] const Operation* writer_elsewhere(std::size_t field, std::string_view value,
                                                  std::string_view agent) const;
  /// Whether the value names an operation of the run as its writer ("op-<id>"), so that no agent
  /// can have had it from its beginning.
  [[nodiscard]] bool names_its_writer(std::size_t field, std::string_view value) const;

  [[nodiscard]] Nanoseconds damage(Nanoseconds until) const { return damage_.last_until(until); }
  [[nodiscard]] bool damaged() const { return damage_.any(); }
  /// Repairs that may write, by time.
  [[nodiscard]] const std::vector<Interval>& repairs() const { return repairs_; }
  /// Since when the target may have found the agent's end by itself: a repair, a fault, its death.
  [[nodiscard]] std::optional<Nanoseconds> ended_since(std::string_view agent) const;
  /// Until when the agent's spawn may still write its status.
  [[nodiscard]] Nanoseconds spawn_writes_until(const AgentTrack& agent) const;

  [[nodiscard]] std::uint64_t updates_acknowledged() const { return updates_acknowledged_; }
  [[nodiscard]] std::uint64_t kills_acknowledged() const { return kills_acknowledged_; }
  [[nodiscard]] std::uint64_t of_unknown_outcome() const { return of_unknown_outcome_; }

 private:
  void collect_operations(const Evidence& evidence);
  void collect_ends(const Evidence& evidence);
  void collect_reads(const Evidence& evidence);
  void read_agent(const ObservedAgent& record);
  AgentTrack& track(std::string_view id);

  const TargetFacts& target_;
  DamageTimes damage_;
  std::vector<std::string> fields_{"status"};
  std::vector<bool> observed_;
  /// By field and value: the first operation that asked for it.
  std::vector<std::unordered_map<std::string_view, const Operation*>> asked_;
  std::vector<Interval> reads_;
  std::vector<Interval> repairs_;
  std::vector<AgentTrack> agents_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::unordered_map<std::string_view, Nanoseconds> ends_;
  std::optional<Nanoseconds> any_end_;  ///< the first repair or server-kill
  std::optional<Nanoseconds> first_unknown_spawn_;
  std::uint64_t updates_acknowledged_ = 0;
  std::uint64_t kills_acknowledged_ = 0;
  std::uint64_t of_unknown_outcome_ = 0;
};

}  // namespace stress::check
