#include "harness/check/register_judge.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace stress::check {

void WriteSet::sort() {
  std::ranges::sort(writes_, {}, &PossibleWrite::begin);
  latest_.clear();
  Nanoseconds latest = kAlways;
  for (const PossibleWrite& write : writes_) {
    latest = std::max(latest, write.end);
    latest_.push_back(latest);
  }
}

std::optional<Nanoseconds> WriteSet::latest_end(Nanoseconds until) const {
  const auto after = std::ranges::upper_bound(writes_, until, {}, &PossibleWrite::begin);
  if (after == writes_.begin()) return std::nullopt;
  return latest_[static_cast<std::size_t>(after - writes_.begin()) - 1];
}

void Acknowledged::sort() {
  std::ranges::sort(by_reply_, {}, &Entry::replied);
  const Operation* last = nullptr;
  for (Entry& entry : by_reply_) {
    if (last == nullptr || entry.last->invoked > last->invoked) last = entry.last;
    entry.last = last;
  }
}

const Operation* Acknowledged::last_invoked_before(Nanoseconds reply_before) const {
  const auto after = std::ranges::lower_bound(by_reply_, reply_before, {}, &Entry::replied);
  return after == by_reply_.begin() ? nullptr : std::prev(after)->last;
}

std::vector<Nanoseconds> Acknowledged::replies(Nanoseconds from, Nanoseconds until) const {
  std::vector<Nanoseconds> times;
  for (auto it = std::ranges::lower_bound(by_reply_, from, {}, &Entry::replied);
       it != by_reply_.end() && it->replied < until; ++it) {
    times.push_back(it->replied);
  }
  return times;
}

std::optional<Contradiction> unique_order(std::vector<Cluster> clusters) {
  // Forward clusters (min end < max begin) must be disjoint, and no backward one may lie within a
  // forward one; both are "a.min_end < b.max_begin and b.min_end < a.max_begin".
  const auto backward = std::ranges::partition(
      clusters, [](const Cluster& cluster) { return cluster.min_end < cluster.max_begin; });
  const std::span forward(clusters.begin(), backward.begin());
  std::ranges::sort(forward, {}, &Cluster::min_end);
  for (std::size_t i = 1; i < forward.size(); ++i) {
    if (forward[i].min_end < forward[i - 1].max_begin) {
      return Contradiction{forward[i - 1], forward[i]};
    }
  }
  for (const Cluster& inner : backward) {
    const auto after = std::ranges::lower_bound(forward, inner.max_begin, {}, &Cluster::min_end);
    if (after == forward.begin()) continue;
    const Cluster& outer = *std::prev(after);
    if (inner.min_end < outer.max_begin) return Contradiction{outer, inner};
  }
  return std::nullopt;
}

}  // namespace stress::check
