#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace stress::linear {

/// The set of configurations that a search has been in, each a sequence of words. Compared in full,
/// so a collision of hashes hides nothing. Its memory only grows by add(), in steps that
/// bytes_after_add() tells before.
class Configurations {
 public:
  /// False: it was there already.
  bool add(std::span<const std::uint64_t> words);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// What it would take, at the height of growing, to add one of so many words.
  [[nodiscard]] std::size_t bytes_after_add(std::size_t words) const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const std::uint64_t* words = nullptr;  ///< the first is their number
  };
  std::size_t place(std::uint64_t hash, std::span<const std::uint64_t> words) const;
  const std::uint64_t* store(std::span<const std::uint64_t> words);
  void grow();
  [[nodiscard]] std::size_t next_block(std::size_t words) const;

  std::vector<Slot> slots_;  ///< a power of two of them, at most half full
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
  std::size_t block_used_ = 0;
  std::size_t block_size_ = 0;
  std::size_t stored_bytes_ = 0;
};

}  // namespace stress::linear
