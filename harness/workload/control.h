#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>

#include "orchestrator/base/error.h"

namespace stress {

/// What a worker's thread is doing right now, told through shared memory so that the supervisor can
/// tell whose a system call is, at no cost and without a word in the target.
struct alignas(64) ThreadState {
  std::atomic<std::int32_t> tid{0};
  std::atomic<std::uint64_t> op{0};          ///< the operation in flight; 0: none
  std::atomic<std::uint64_t> spawn_slot{0};  ///< of a spawn: its slot + 1; 0: not a spawn
  std::atomic<bool> duplicate{false};        ///< of a spawn: its request is another's once more
  std::atomic<std::int64_t> since{0};        ///< CLOCK_MONOTONIC ns of the invocation
};

inline constexpr std::size_t kThreadsMax = 1024;

/// One page-mapped file per run, shared by the harness and all workers.
struct ControlBlock {
  std::atomic<std::uint64_t> acknowledged{
      0};                              ///< spawns; for display and for timing of faults only
  std::atomic<std::uint32_t> stop{0};  ///< 1: begin no further operation
  /// With so many acknowledged no further spawn is begun, until it is raised.
  std::atomic<std::uint64_t> ceiling{std::numeric_limits<std::uint64_t>::max()};
  ThreadState threads[kThreadsMax];
};

/// Maps the file; the mapping lives as long as the object.
class Control {
 public:
  /// Creates a zeroed file. Errors: kIo.
  static base::Result<Control> create(const std::filesystem::path& file);
  static base::Result<Control> open(const std::filesystem::path& file);
  Control(Control&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Control& operator=(Control&&) = delete;
  ~Control();
  ControlBlock* operator->() const { return block_; }
  ControlBlock& operator*() const { return *block_; }

 private:
  static base::Result<Control> map(const std::filesystem::path& file, bool create);
  explicit Control(ControlBlock* block) : block_(block) {}
  ControlBlock* block_;
};

}  // namespace stress
