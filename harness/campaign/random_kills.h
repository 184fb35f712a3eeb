#pragma once

#include <cstdint>

#include "harness/campaign/collector.h"
#include "harness/campaign/crew.h"
#include "harness/campaign/stage.h"
#include "harness/choice/choice.h"

namespace stress {

/// Crashes where there is no supervisor: as many workers are killed as were asked for, as evenly
/// over the spawns as can be, at moments that nobody chose. A storm may be faster than we are, so
/// it waits for a kill that is overdue. For one thread. All that it is given must outlive it.
class RandomKills {
 public:
  RandomKills(Stage& stage, Collector& collector, const Choice& choice, std::uint64_t wanted,
              std::uint64_t spawns)
      : stage_(stage),
        collector_(collector),
        choice_(choice.of("random victim")),
        wanted_(wanted),
        spawns_(spawns) {}

  /// To be called again and again, also before the first worker is started.
  void tend(const Crew& crew);
  [[nodiscard]] std::uint64_t done() const { return done_; }

 private:
  Stage& stage_;
  Collector& collector_;
  Choice choice_;
  std::uint64_t wanted_;
  std::uint64_t spawns_;
  std::uint64_t done_ = 0;
};

}  // namespace stress
