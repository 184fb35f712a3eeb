#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/history/evidence.h"
#include "harness/history/snapshot_cursor.h"

namespace stress::check {

/// Views of the evidence that several judges need. All refer to it; it must outlive them.

bool is_active(const TargetFacts& target, const std::string& status);
bool is_terminal(const TargetFacts& target, const std::string& status);
/// "p3" of "p3.t1".
std::string_view process_of(std::string_view client);

/// The first acknowledged spawn of each id.
using AckedSpawns = std::unordered_map<std::string_view, const Operation*>;
AckedSpawns acked_spawns(const Evidence& evidence);

/// Two equal requests that were both acknowledged.
struct RequestedTwice {
  const Operation* first = nullptr;
  const Operation* second = nullptr;

  [[nodiscard]] bool one_agent() const { return first->agent == second->agent; }
};
std::vector<RequestedTwice> requested_twice(const Evidence& evidence);

/// When the harness itself damaged the registry. Restoring a backup may then throw the contents
/// back, so nothing from before the damage can be demanded after it.
class DamageTimes {
 public:
  explicit DamageTimes(const Evidence& evidence);
  /// The last one not after `at`, else the smallest time.
  [[nodiscard]] Nanoseconds last_until(Nanoseconds at) const;
  [[nodiscard]] bool any() const { return !times_.empty(); }

 private:
  std::vector<Nanoseconds> times_;
};

/// What may have ended an agent for good reason: a kill or terminal update that was not refused, a
/// fault on its session, server or process, its own exit.
class Endings {
 public:
  explicit Endings(const Evidence& evidence);
  /// Whether a reason existed until `at`. `spawn`: where acknowledged; faults from before it do not
  /// count.
  [[nodiscard]] bool may_have_ended(std::string_view agent, const Operation* spawn,
                                    Nanoseconds at) const;
  /// The first kill, terminal update or session-kill of the agent.
  [[nodiscard]] std::optional<Nanoseconds> first_request(std::string_view agent) const;
  /// Injected server-kills, by time.
  [[nodiscard]] const std::vector<Nanoseconds>& server_kills() const { return server_kills_; }

 private:
  void request(std::string_view agent, Nanoseconds at);

  std::unordered_map<std::string_view, Nanoseconds> requests_;
  std::unordered_map<std::string_view, Nanoseconds> exits_;
  std::vector<Nanoseconds> server_kills_;
  /// Crashes that took the descendants along, by the process that was hit.
  std::unordered_map<std::string_view, std::vector<Nanoseconds>> crashes_;
};

/// The state at quiescence: both looks at the sessions and the registry between them.
struct QuietState {
  const Quiescence* quiescence = nullptr;
  SnapshotCursor::Agents records;
  Nanoseconds at = 0;
};
/// Else: why nothing can be said.
std::expected<QuietState, std::string> quiet_state(const Evidence& evidence);
/// The last snapshot of the final phase; none: nullptr.
const Snapshot* final_snapshot(const Evidence& evidence);

/// Counts of whole registries, kept up to date by deltas.
struct Recount {
  std::int64_t total = 0;
  std::int64_t active = 0;
  std::int64_t completed = 0;
};
class Recounter {
 public:
  explicit Recounter(const TargetFacts& target) : target_(target) {}
  void apply(const Snapshot& snapshot);
  [[nodiscard]] const Recount& all() const { return all_; }
  [[nodiscard]] const std::map<std::string, Recount>& by_task() const { return by_task_; }

 private:
  void count(const ObservedAgent& agent, std::int64_t sign);

  const TargetFacts& target_;
  SnapshotCursor cursor_;
  Recount all_;
  std::map<std::string, Recount> by_task_;
};

/// The record of one agent; nullptr: absent.
const ObservedAgent* find_record(const SnapshotCursor::Agents& agents, const std::string& id);

}  // namespace stress::check
