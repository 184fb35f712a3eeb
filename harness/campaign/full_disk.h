#pragma once

#include <cstdint>

#include "harness/campaign/collector.h"
#include "harness/campaign/disk.h"
#include "harness/choice/choice.h"
#include "harness/history/evidence.h"

namespace stress {

/// The fault: the disk of the workspace is full for a while, and then it is not. How long (50 to
/// 450 ms) and how little is left (nothing, or up to 16 KiB, which tears a write) the seed draws.
/// For one thread.
class FullDisk {
 public:
  FullDisk(const Disk& disk, const Choice& choice, Collector& collector)
      : disk_(disk), choice_(choice.of("full disk")), collector_(collector) {}

  /// What is drawn for the spell of this number.
  struct Spell {
    Nanoseconds lasts = 0;
    std::uint64_t left = 0;  ///< bytes
  };
  static Spell draw(const Choice& choice, std::uint64_t number);

  [[nodiscard]] bool is_full() const { return until_ != 0; }
  /// Fills it; one that is full already stays so for so much longer.
  void begin(std::uint64_t number);
  /// To be called again and again: takes what has become free, and ends what is over.
  void tend();
  void end();

 private:
  void note(const base::Status& done);

  const Disk& disk_;
  Choice choice_;
  Collector& collector_;
  Spell spell_;
  Nanoseconds until_ = 0;  ///< 0: it is not full
};

}  // namespace stress
