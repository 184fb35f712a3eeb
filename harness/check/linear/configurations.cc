#include "harness/check/linear/configurations.h"

#include <algorithm>

namespace stress::linear {
namespace {

/// The finaliser of MurmurHash3 over each word.
std::uint64_t hash_of(std::span<const std::uint64_t> words) {
  std::uint64_t hash = 0x9e37'79b9'7f4a'7c15 + words.size();
  for (const std::uint64_t word : words) {
    hash ^= word;
    hash = (hash ^ (hash >> 33)) * 0xff51'afd7'ed55'8ccd;
    hash = (hash ^ (hash >> 33)) * 0xc4ce'b9fe'1a85'ec53;
    hash ^= hash >> 33;
  }
  return hash;
}

}  // namespace

std::size_t Configurations::place(std::uint64_t hash, std::span<const std::uint64_t> words) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].words != nullptr) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && slot.words[0] == words.size() &&
        std::equal(words.begin(), words.end(), slot.words + 1)) {
      break;
    }
    at = (at + 1) & mask;
  }
  return at;
}

std::size_t Configurations::next_block(std::size_t words) const {
  // Most searches are of one small key, so blocks begin small.
  constexpr std::size_t kLeast = 256;
  constexpr std::size_t kMost = std::size_t{1} << 15;
  return std::max(words, std::clamp(2 * block_size_, kLeast, kMost));
}

const std::uint64_t* Configurations::store(std::span<const std::uint64_t> words) {
  const std::size_t needed = words.size() + 1;
  if (block_size_ - block_used_ < needed) {
    block_size_ = next_block(needed);
    blocks_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(block_size_));
    block_used_ = 0;
    stored_bytes_ += block_size_ * sizeof(std::uint64_t);
  }
  std::uint64_t* const stored = blocks_.back().get() + block_used_;
  stored[0] = words.size();
  std::ranges::copy(words, stored + 1);
  block_used_ += needed;
  return stored;
}

void Configurations::grow() {
  std::vector<Slot> old(std::max<std::size_t>(64, slots_.size() * 2));
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.words == nullptr) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].words != nullptr) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

bool Configurations::add(std::span<const std::uint64_t> words) {
  if (2 * (size_ + 1) > slots_.size()) grow();
  const std::uint64_t hash = hash_of(words);
  Slot& slot = slots_[place(hash, words)];
  if (slot.words != nullptr) return false;
  slot = {hash, store(words)};
  ++size_;
  return true;
}

std::size_t Configurations::bytes_after_add(std::size_t words) const {
  std::size_t bytes = stored_bytes_ + slots_.capacity() * sizeof(Slot);
  if (block_size_ - block_used_ < words + 1) {
    bytes += next_block(words + 1) * sizeof(std::uint64_t);
  }
  if (2 * (size_ + 1) > slots_.size()) {
    bytes += std::max<std::size_t>(64, slots_.size() * 2) * sizeof(Slot);
  }
  return bytes;
}

}  // namespace stress::linear
