#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/schedule_program.h"

namespace stress::testing {

/// Who has which lock. Each task has an open file of its own for each lock, or shares it with the
/// others of its operation: then what one takes all have, until one of them releases it or the last
/// has closed it.
class SimLocks {
 public:
  SimLocks(const SimProgram& program, bool shared) : program_(&program), shared_(shared) {}

  [[nodiscard]] bool has(std::size_t i, int lock) const {
    const auto holder = holders_.find(lock);
    return holder != holders_.end() && holder->second == file_of(i) && is_open(i, lock);
  }
  /// It would be denied.
  [[nodiscard]] bool is_anothers(std::size_t i, int lock) const {
    const auto holder = holders_.find(lock);
    return holder != holders_.end() && holder->second != file_of(i) && is_open(i, lock);
  }
  /// Who has closed what is shared can do nothing with it.
  [[nodiscard]] bool is_open(std::size_t i, int lock) const { return !closed_.contains({i, lock}); }
  void take(std::size_t i, int lock) {
    if (is_open(i, lock)) holders_.emplace(lock, file_of(i));
  }
  void release(std::size_t i, int lock) {
    if (has(i, lock)) holders_.erase(lock);
  }
  struct Closed {
    bool had = false;     ///< the lock
    bool shared = false;  ///< the file, with another who has it open still
  };
  Closed close(std::size_t i, int lock) {
    const Closed closed{has(i, lock), shares(i, lock)};
    if (closed.had && !closed.shared) holders_.erase(lock);
    if (shared_) closed_.emplace(i, lock);
    return closed;
  }
  /// Whether another of its operation has the same open file of this lock, or of any.
  [[nodiscard]] bool shares(std::size_t i, int lock) const {
    if (!shared_ || !is_open(i, lock)) return false;
    for (std::size_t j = 0; j < program_->size(); ++j) {
      if (j != i && file_of(j) == file_of(i) && is_open(j, lock)) return true;
    }
    return false;
  }
  [[nodiscard]] bool shares(std::size_t i) const {
    return std::ranges::any_of(kLocks, [&](int lock) { return shares(i, lock); });
  }
  /// Those that any of the operation's has.
  [[nodiscard]] std::vector<int> held_within(const std::string& operation) const {
    std::vector<int> locks;
    for (const auto& [lock, file] : holders_) {
      if ((*program_)[file].operation == operation) locks.push_back(lock);
    }
    return locks;
  }
  [[nodiscard]] const std::map<int, std::size_t>& holders() const { return holders_; }
  static constexpr int kLocks[] = {0, 1, 2, 3};

 private:
  /// By the task that has opened it.
  [[nodiscard]] std::size_t file_of(std::size_t i) const {
    return shared_ ? index_of(*program_, (*program_)[i].operation) : i;
  }

  const SimProgram* program_;
  bool shared_;
  std::map<int, std::size_t> holders_;
  std::set<std::pair<std::size_t, int>> closed_;
};

}  // namespace stress::testing
