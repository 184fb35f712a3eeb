#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace orc {

/// From an id to its place in a list that the caller keeps: a flat table with open addressing,
/// since it is built anew for every transaction, where nodes of their own would cost the most.
/// Thread-safety: const calls from several threads are safe.
class IdTable {
 public:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  void reserve(std::size_t count) {
    if (count * 2 > slots_.size()) rebuild(count * 2);
  }

  /// A place that was added for the id, or kNone. `id_at(place)` tells the id of a place.
  template <class IdAt>
  [[nodiscard]] std::size_t find(std::string_view id, const IdAt& id_at) const {
    if (slots_.empty()) return kNone;
    const std::size_t hash = hash_of(id);
    for (std::size_t at = hash & mask(); slots_[at].place != kFree; at = (at + 1) & mask()) {
      if (slots_[at].hash == hash && id_at(slots_[at].place) == id) return slots_[at].place;
    }
    return kNone;
  }

  void add(std::string_view id, std::size_t place) {
    if ((count_ + 1) * 2 > slots_.size()) rebuild((count_ + 1) * 4);
    insert({hash_of(id), place});
    ++count_;
  }

 private:
  static constexpr std::size_t kFree = kNone;
  static constexpr std::size_t kSlotsMin = 16;

  struct Slot {
    std::size_t hash = 0;
    std::size_t place = kFree;
  };

  static std::size_t hash_of(std::string_view id) { return std::hash<std::string_view>{}(id); }
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  void insert(Slot slot) {
    std::size_t at = slot.hash & mask();
    while (slots_[at].place != kFree) at = (at + 1) & mask();
    slots_[at] = slot;
  }

  void rebuild(std::size_t slots_wanted) {
    std::size_t size = kSlotsMin;
    while (size < slots_wanted) size *= 2;
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(size));
    for (const Slot& slot : old) {
      if (slot.place != kFree) insert(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t count_ = 0;
};

}  // namespace orc
