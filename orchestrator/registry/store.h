#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/registry/record.h"

namespace orc {

/// Derived from the records whenever they are asked for; never kept by hand.
struct Counts {
  int agents_total = 0;
  int agents_active = 0;
  int agents_completed = 0;  ///< status completed
  int tasks_total = 0;
  int tasks_active = 0;
  bool operator==(const Counts&) const = default;
};

/// What every record tells without being parsed.
struct AgentEntry {
  std::string_view id;
  std::string_view task_id;
  std::string_view type;
  AgentStatus status;
};

/// The status of a task whose record is illegible; its description says why.
inline constexpr std::string_view kUnreadableTask = "unreadable";

/// One generation of the registry. Immutable but inside a transaction.
/// Lifetime: string_views, entries and tasks point into it; a put() may invalidate those of its
/// kind. Thread-safety: const calls from several threads are safe once no transaction runs on it.
class RegistryState {
 public:
  virtual ~RegistryState() = default;
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
  /// Set once a damaged or vanished file was replaced by a backup, and kept from then on: changes
  /// committed between that generation and the restore may have been lost.
  [[nodiscard]] virtual std::optional<std::uint64_t> restored_from() const = 0;
  [[nodiscard]] virtual const Limits& limits() const = 0;
  /// In order of admission, terminal ones included: records are never removed.
  [[nodiscard]] virtual const std::vector<AgentEntry>& agents() const = 0;
  [[nodiscard]] virtual const AgentEntry* find(std::string_view agent_id) const = 0;
  /// The whole record. Errors: kNotFound, kDamaged.
  [[nodiscard]] virtual base::Result<Agent> agent(std::string_view agent_id) const = 0;
  /// Illegible ones too, as kUnreadableTask.
  [[nodiscard]] virtual const std::vector<Task>& tasks() const = 0;
  [[nodiscard]] virtual const Task* task(std::string_view task_id) const = 0;
  [[nodiscard]] virtual Counts counts() const = 0;
  /// What the file claims, for the validator: stored counts that differ from counts().
  [[nodiscard]] virtual Counts stored_counts() const = 0;
  /// By task id, the counts of its agents; those of tasks stay 0.
  [[nodiscard]] virtual std::map<std::string, Counts> counts_by_task() const = 0;
  /// Illegible tasks included. Where no counts can be stored, they are those of counts_by_task().
  [[nodiscard]] virtual std::map<std::string, Counts> stored_counts_by_task() const = 0;
  /// The whole document, for export.
  [[nodiscard]] virtual Json document() const = 0;
};

/// The state under the lock, and the changes to commit. Valid only during the body.
class Transaction : public RegistryState {
 public:
  /// Inserts, or replaces the record with this id. The store sets `version` to old + 1 (1 for a new
  /// record), and the times that the caller left as they were. Unknown members of a replaced record
  /// stay also where `source` is empty. Refused, which fails the transaction with kInvalid: text
  /// that is not UTF-8, an id with characters that need escaping, and another task, type or time of
  /// creation than the record has.
  virtual void put(Agent agent) = 0;
  virtual void put(Task task) = 0;
  virtual void set_limits(const Limits& limits) = 0;
  /// Commit even when nothing was put: stored counts that are wrong get rewritten.
  virtual void recount() = 0;
};

/// How one transaction went, for the operations log and for the caller.
struct Commit {
  std::uint64_t generation_before = 0;
  std::uint64_t generation_after = 0;  ///< equal to before: a no-op, nothing was written
  std::chrono::nanoseconds waited{};   ///< for the lock
  std::chrono::nanoseconds held{};
  bool restored = false;  ///< a damaged or vanished file was restored first
};

/// What stands in for a file that is damaged or gone.
struct Damage {
  std::string what;                                ///< one sentence
  std::optional<std::uint64_t> backup_generation;  ///< newest good backup, if any
};

struct Backup {
  std::string name;
  std::uint64_t generation = 0;
  std::uint64_t agents = 0;
  bool good = false;  ///< parses, and its checksum holds
};

/// A registry shared by processes and threads.
/// Promises: a transaction reads once under the lock, decides, and writes once; when transact()
/// returns, the change survives a crash of the process and a loss of power; readers see whole
/// generations only; generations never go back; a damaged or vanished file is never read as empty
/// and never overwritten (it is set aside, and the backup restored, by mutating transactions only).
/// Thread-safety: all calls may be made from several threads.
class Store {
 public:
  virtual ~Store() = default;

  /// Makes an empty registry. Errors: kExists.
  virtual base::Status create(const Limits& limits) = 0;

  /// The present generation, without the lock (but where it looks damaged: then once more under the
  /// lock) and without changing a byte.
  /// Errors: kNotFound (never created), kDamaged (the message names the damage and the backup),
  /// kIo.
  [[nodiscard]] virtual base::Result<std::unique_ptr<RegistryState>> read() const = 0;

  using Body = std::function<base::Status(Transaction&)>;
  /// Runs `body` under the lock, then commits what it put. When body fails nothing is written and
  /// its error is returned. `operation` and `subject` go to the operations log.
  /// Body must not start a subprocess, nor call the store.
  /// Errors: kTimeout (lock), kDamaged (and no good backup), kNotFound, kIo, those of body.
  virtual base::Result<Commit> transact(std::string_view operation, std::string_view subject,
                                        const Body& body) = 0;

  /// Runs `body` on the present state under the lock, and writes nothing. Takes the lock without
  /// creating it and without an entry in the log.
  [[nodiscard]] virtual base::Status inspect(
      const std::function<base::Status(const RegistryState&)>& body) const = 0;

  /// nullopt: the registry is sound.
  [[nodiscard]] virtual base::Result<std::optional<Damage>> damage() const = 0;
  /// Newest first.
  [[nodiscard]] virtual base::Result<std::vector<Backup>> backups() const = 0;
  /// Sets the present file aside and puts the backup in its place, as a new generation.
  virtual base::Result<Commit> restore(std::string_view backup_name) = 0;

  /// Temporary files that a killed writer left (under the lock, so none is in use).
  [[nodiscard]] virtual base::Result<std::vector<std::string>> leftovers() const = 0;
  virtual base::Result<int> remove_leftovers() = 0;
};

}  // namespace orc
