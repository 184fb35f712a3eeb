#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;

/// Damage by the harness itself is held against nobody until a repair has had its chance. What a
/// repair leaves damaged that calls itself a success is the target's own.
class Suspension {
 public:
  explicit Suspension(const Evidence& evidence) : repairs_(evidence.repairs) {
    for (const Fault& fault : evidence.faults) {
      if (fault.injected && fault.kind == "registry-damage") damages_.push_back(fault.at);
    }
    std::ranges::sort(damages_);
  }

  /// Snapshots come in the order of time.
  bool covers(const Snapshot& snapshot) {
    for (; next_ < damages_.size() && damages_[next_] <= snapshot.at.end; ++next_) {
      since_ = damages_[next_];
      suspended_ = true;
    }
    if (snapshot.harness_damaged && !since_) {  // a history that tells of no fault
      since_ = snapshot.at.begin;
      suspended_ = true;
    }
    if (!suspended_) return false;
    if (snapshot.readable && snapshot.at.begin > *since_) suspended_ = false;
    for (const RepairRun& run : repairs_) {
      const bool repairs = run.ok && !run.role.starts_with("dry-run");
      if (repairs && run.at.begin >= *since_ && run.at.end <= snapshot.at.begin) suspended_ = false;
    }
    return suspended_;
  }

 private:
  const std::vector<RepairRun>& repairs_;
  std::vector<Nanoseconds> damages_;
  std::size_t next_ = 0;
  bool suspended_ = false;
  std::optional<Nanoseconds> since_;
};

}  // namespace

report::InvariantResult check_registry_readable(const Evidence& evidence) {
  check::Tally tally(evidence, "registry-readable");
  Suspension suspension(evidence);
  std::uint64_t suspended = 0;
  const Snapshot* previous_bad = nullptr;
  bool last_suspended = false;
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (snapshot.phase == Phase::kSetup) continue;
    last_suspended = suspension.covers(snapshot) && !snapshot.readable;
    if (last_suspended) {
      ++suspended;
      continue;
    }
    tally.fact();
    if (snapshot.readable) {
      previous_bad = nullptr;
      continue;
    }
    // One violation for as long as the same damage stays.
    const bool same = previous_bad != nullptr && previous_bad->absent == snapshot.absent &&
                      previous_bad->error == snapshot.error;
    previous_bad = &snapshot;
    if (same) continue;
    const std::string when = tally.story().when(snapshot.at.begin);
    check::Finding finding;
    finding.at = snapshot.at.end;
    finding.summary =
        snapshot.absent ? fmt::format("The registry was absent when read at {}.", when)
                        : fmt::format("The registry could not be read at {}: {}.", when,
                                      snapshot.error.empty() ? "no reason given" : snapshot.error);
    finding.after = snapshot.excerpt;
    tally.violation(finding);
  }
  if (last_suspended) {
    tally.missing("the registry was still damaged by the harness, no repair succeeded after it");
  }
  std::string facts = count_of(tally.facts(), "snapshot");
  if (suspended > 0) facts += fmt::format(", {} more while damaged by the harness", suspended);
  return std::move(tally).finish(facts);
}

}  // namespace stress
