#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/registry/document.h"
#include "orchestrator/registry/id_table.h"
#include "orchestrator/registry/store.h"

namespace orc {

/// One generation in memory, and the changes made to it. What was not changed stays the text that
/// was read: records are parsed only when asked for and written back byte for byte.
///
/// Lifetime: entries and views point into the snapshot; a change may invalidate those of the kind
/// that is changed.
/// Thread-safety: const calls from several threads are safe while nothing changes it.
class Snapshot {
 public:
  /// Takes the text over where it is sound, else leaves it untouched. Errors: as Document::parse.
  static base::Result<std::unique_ptr<Snapshot>> parse(std::string& text);
  /// A registry without records, of generation 0.
  static std::unique_ptr<Snapshot> empty(const Limits& limits, base::WallTime now);

  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] std::optional<std::uint64_t> restored_from() const;
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] const std::vector<AgentEntry>& agents() const { return agents_; }
  [[nodiscard]] const AgentEntry* find(std::string_view agent_id) const;
  [[nodiscard]] base::Result<Agent> agent(std::string_view agent_id) const;
  [[nodiscard]] const std::vector<Task>& tasks() const;
  [[nodiscard]] const Task* task(std::string_view task_id) const;
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] Counts stored_counts() const;
  [[nodiscard]] std::map<std::string, Counts> counts_by_task() const;
  [[nodiscard]] std::map<std::string, Counts> stored_counts_by_task() const;
  [[nodiscard]] Json document() const;

  /// Inserts, or replaces the record with this id. Sets its version, and its times where the caller
  /// left them. Errors: kInvalid (text that is not UTF-8, an id no file should hold, another task,
  /// type or time of creation than before), kDamaged (the present record).
  base::Status put(Agent agent, base::WallTime now);
  base::Status put(Task task, base::WallTime now);
  void set_limits(const Limits& limits);

  /// Whether any change was made.
  [[nodiscard]] bool changed() const { return changed_; }
  /// Whether some stored count differs from the recount.
  [[nodiscard]] bool counts_wrong() const;
  /// The text of this state as the given generation, with all counts derived anew.
  [[nodiscard]] std::string encode(std::uint64_t generation,
                                   std::optional<std::uint64_t> restored_from,
                                   base::WallTime now) const;

 private:
  struct TaskEntry {
    std::string_view id;
    bool active = false;
  };

  Snapshot() = default;
  base::Status index();
  base::Result<AgentEntry> agent_entry(std::string_view line);
  base::Result<TaskEntry> task_entry(std::string_view line);
  [[nodiscard]] std::size_t agent_place(std::string_view id) const;
  [[nodiscard]] std::size_t task_place(std::string_view id) const;
  [[nodiscard]] base::Result<Task> read_task(std::size_t place) const;
  [[nodiscard]] std::vector<Counts> counts_per_task() const;
  [[nodiscard]] Json head_for(std::uint64_t generation, std::optional<std::uint64_t> restored_from,
                              base::WallTime now) const;
  std::string_view keep(std::string text);

  Document document_;
  Limits limits_;
  bool changed_ = false;
  bool limits_changed_ = false;
  std::deque<std::string> kept_;  // texts that are not part of the document's

  std::vector<AgentEntry> agents_;
  std::vector<std::string_view> agent_lines_;
  IdTable agent_places_;
  std::vector<TaskEntry> task_entries_;
  std::vector<std::string_view> task_lines_;
  IdTable task_places_;

  mutable std::once_flag tasks_once_;
  mutable std::vector<Task> tasks_;  // parsed when first asked for
};

}  // namespace orc
