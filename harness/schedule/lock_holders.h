#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/supervise/lock_probe.h"

namespace stress {

/// Who holds which lock, as far as that can be seen: locks are released by closing a descriptor
/// too, which nobody sees, so what is written here may be over.
class LockHolders {
 public:
  /// `file`: of the lock.
  void taken(std::uint64_t lock, const std::string& task, const LockKey& file) {
    holders_[lock] = {task, file, {}};
  }
  void released(std::uint64_t lock) { holders_.erase(lock); }
  /// A step of this task: meeting_id() of its call.
  void stepped(std::string_view task, std::uint64_t call);
  /// The lock turned out to be free. Returns the steps that its holder has made since he took it:
  /// one of them has released it.
  std::vector<std::uint64_t> found_free(std::uint64_t lock);
  /// Some have ended. What one held goes to whoever has its open file too (a shell whose `flock 8`
  /// is done), as `heir_to` tells; empty: to nobody. Returns the steps of those without an heir
  /// likewise.
  std::vector<std::uint64_t> ended(const std::function<bool(const std::string& task)>& whose,
                                   const std::function<std::string(const LockKey& file)>& heir_to);

  /// Each lock that it has, with its file.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, LockKey>> held_by(std::string_view task) const;
  /// Empty: nobody who is known.
  [[nodiscard]] std::string holder_of(std::uint64_t lock) const;
  [[nodiscard]] bool any() const { return !holders_.empty(); }

 private:
  struct Holder {
    std::string task;
    LockKey file;
    std::vector<std::uint64_t> steps;
  };
  std::map<std::uint64_t, Holder> holders_;
};

}  // namespace stress
