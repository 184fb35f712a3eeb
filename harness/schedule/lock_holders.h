#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/schedule/task_table.h"
#include "harness/supervise/lock_probe.h"

namespace stress {

/// Which process has which file locks: as the kernel tells it, since they are released by closing a
/// descriptor too, which nobody sees, and had by whoever inherits one.
///
/// The kernel is asked only about operations that may have some, and about each process only where
/// any lock was taken or released, or somebody has come or gone: who closes what somebody else
/// still has may count as one of its holders for longer. Not thread-safe.
class LockHolders {
 public:
  /// A task of this operation asks for a lock of this file.
  void asks(const std::string& operation, const LockKey& file);

  /// The same in each repetition: counts from 1 in the order in which they were asked for; 0: it
  /// was not.
  [[nodiscard]] std::uint64_t number_of(const LockKey& file) const;

  struct Loss {
    std::string task;  ///< the main thread's label, of a process that lives
    std::vector<LockKey> files;
  };
  /// Asks the kernel anew. To be called when the others have been asked what the dead had. Returns
  /// what the living have lost since, by label.
  std::vector<Loss> look(const TaskTable& tasks);

  /// Of the process of this main thread, when look() was last called; or of all of an operation's.
  [[nodiscard]] std::set<LockKey> held_by(std::string_view task) const;
  [[nodiscard]] std::set<LockKey> held_within(std::string_view operation) const;
  /// Whether another process has one of these too.
  [[nodiscard]] bool shares(std::string_view task, const std::set<LockKey>& files) const;
  [[nodiscard]] bool any() const { return !held_.empty(); }

 private:
  struct Held {
    std::string operation;
    std::set<LockKey> files;  ///< at least one
  };
  struct Sight {
    std::string locks;  ///< as the kernel lists those of all files that were asked for
    std::size_t tasks = 0;
    std::uint64_t deaths = 0;
    bool operator==(const Sight&) const = default;
  };
  std::set<std::string> watched_;
  std::set<ino_t> inodes_;
  std::map<LockKey, std::uint64_t> numbers_;
  Sight seen_;
  std::map<std::string, Held, std::less<>> held_;  ///< by the main thread's label
};

}  // namespace stress
