#include "harness/fault/crash_plan.h"

#include <algorithm>
#include <cmath>

namespace stress {

CrashPlan::CrashPlan(const Choice& choice, double rate, std::uint64_t spawns,
                     const PathProfile& path, const std::vector<std::string>& only)
    : choice_(choice), spawns_(spawns) {
  const auto count = static_cast<std::uint64_t>(std::llround(rate * static_cast<double>(spawns)));
  const std::vector<PointClass> strata = classes(path, only);
  if (count == 0 || strata.empty()) return;
  const std::vector<std::uint64_t> slots = choice_.of("slots").sample(spawns, count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Choice own = choice_.of("hit").of(i);
    Hit hit;
    hit.number = i;
    hit.cls = strata[i % strata.size()];
    const int points = hit.cls.position == Position::kMid  ? path.writes_over_a_page
                       : hit.cls.kind == PointKind::kReply ? 1
                                                           : path.of(hit.cls.kind);
    hit.occurrence =
        1 + static_cast<int>(own.of("occurrence").below(static_cast<std::uint64_t>(points)));
    hit.scope = own.of("scope").chance(0.5) ? Scope::kDescendants : Scope::kProcess;
    hit.fraction = own.of("cut").unit();
    drawn_.push_back(hit);
    by_slot_[slots[i]] = hit;
  }
}

std::vector<PointClass> CrashPlan::classes(const PathProfile& path,
                                           const std::vector<std::string>& only) const {
  std::vector<PointClass> result;
  for (std::size_t k = 0; k < kPointKinds; ++k) {
    const auto kind = static_cast<PointKind>(k);
    if (path.of(kind) == 0) continue;
    result.push_back({kind, Position::kBefore});
    if (kind != PointKind::kExit) result.push_back({kind, Position::kAfter});
  }
  choice_.of("strata").shuffle(result);
  // A torn write is what registries fear most: it comes first, in every run.
  if (path.writes_over_a_page > 0) {
    result.insert(result.begin(), {PointKind::kWrite, Position::kMid});
  }
  if (!only.empty()) {
    std::erase_if(result, [&](const PointClass& cls) {
      return std::ranges::find(only, to_string(cls)) == only.end();
    });
  }
  return result;
}

const Hit* CrashPlan::hit(std::uint64_t slot, bool replacement) const {
  const auto found = by_slot_.find(slot);
  if (found == by_slot_.end()) return nullptr;
  return replacement == on_replacement_.contains(slot) ? &found->second : nullptr;
}

void CrashPlan::delivered(std::uint64_t slot) {
  by_slot_.erase(slot);
  on_replacement_.erase(slot);
}

void CrashPlan::redraw(std::uint64_t slot) {
  const auto found = by_slot_.find(slot);
  if (found == by_slot_.end()) return;
  std::vector<std::uint64_t> free;
  for (std::uint64_t candidate = 0; candidate < spawns_; ++candidate) {
    if (!begun_.contains(candidate) && !by_slot_.contains(candidate)) free.push_back(candidate);
  }
  if (free.empty()) {
    on_replacement_.insert(slot);
    return;
  }
  const Hit hit = found->second;
  by_slot_.erase(found);
  on_replacement_.erase(slot);
  by_slot_[free[choice_.of("redraw").of(redraws_++).below(free.size())]] = hit;
}

}  // namespace stress
