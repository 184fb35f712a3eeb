#include "harness/campaign/full_disk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/base/clock.h"

namespace stress {

FullDisk::Spell FullDisk::draw(const Choice& choice, std::uint64_t number) {
  constexpr Nanoseconds kMillisecond = 1'000'000;
  constexpr std::uint64_t kPage = 4096;
  const Choice spell = choice.of(number);
  const auto ms = static_cast<Nanoseconds>(50 + spell.of("lasts").below(401));
  const bool nothing = spell.of("nothing").chance(0.5);
  return {ms * kMillisecond, nothing ? 0 : (1 + spell.of("left").below(4)) * kPage};
}

void FullDisk::begin(std::uint64_t number) {
  spell_ = draw(choice_, number);
  Fault fault;
  fault.at = base::monotonic_ns();
  fault.kind = "full-disk";
  fault.detail =
      fmt::format("the disk of the workspace has {} KiB left for {} ms{}", spell_.left / 1024,
                  spell_.lasts / 1'000'000, is_full() ? " more" : "");
  const base::Status filled = disk_.fill(spell_.left);
  fault.injected = filled.has_value();
  if (filled) until_ = std::max(until_, fault.at) + spell_.lasts;
  note(filled);
  collector_.with([&](Evidence& evidence) { evidence.faults.push_back(std::move(fault)); });
}

void FullDisk::tend() {
  if (!is_full()) return;
  if (base::monotonic_ns() >= until_) return end();
  note(disk_.fill(spell_.left));
}

void FullDisk::end() {
  if (!is_full()) return;
  until_ = 0;
  note(disk_.empty());
}

void FullDisk::note(const base::Status& done) {
  if (!done) collector_.trouble(done.error().message);
}

}  // namespace stress
