#include "harness/check/linear/blocks.h"

#include <algorithm>
#include <utility>

#include "harness/check/register_judge.h"

namespace stress::linear {
namespace {

using Operations = std::vector<std::uint32_t>;

/// Whose times make a block's min end and max begin.
struct Edges {
  std::uint32_t first_end;
  std::uint32_t last_begin;
};

Edges edges_of(std::span<const Ranked> block, std::span<const Span> spans) {
  Edges edges{block.front().operation, block.front().operation};
  for (const Ranked& item : block) {
    const Span& span = spans[item.operation];
    if (span.completed < spans[edges.first_end].completed) edges.first_end = item.operation;
    if (span.invoked > spans[edges.last_begin].invoked) edges.last_begin = item.operation;
  }
  return edges;
}

}  // namespace

std::optional<AgainstTime> against_time(std::span<Ranked> ranked, std::span<const Span> spans) {
  if (!std::ranges::is_sorted(ranked, {}, &Ranked::rank)) {
    std::ranges::sort(ranked, {}, &Ranked::rank);
  }
  const Ranked* last_invoked = nullptr;  // of all lower ranks
  for (std::size_t begin = 0; begin < ranked.size();) {
    std::size_t end = begin;
    for (; end < ranked.size() && ranked[end].rank == ranked[begin].rank; ++end) {
      if (last_invoked == nullptr) continue;
      const std::uint32_t first = last_invoked->operation;
      const std::uint32_t second = ranked[end].operation;
      if (spans[second].completed < spans[first].invoked) return AgainstTime{first, second};
    }
    for (; begin < end; ++begin) {
      if (last_invoked == nullptr ||
          spans[ranked[begin].operation].invoked > spans[last_invoked->operation].invoked) {
        last_invoked = &ranked[begin];
      }
    }
  }
  return std::nullopt;
}

std::optional<Operations> Blocks::contradiction(std::span<const Span> spans) {
  std::vector<check::Cluster> clusters;
  std::vector<Edges> edges;
  clusters.reserve(begins_.size());
  for (std::size_t i = 0; i < begins_.size(); ++i) {
    const std::size_t end = i + 1 < begins_.size() ? begins_[i + 1].item : items_.size();
    const std::span block = std::span(items_).subspan(begins_[i].item, end - begins_[i].item);
    if (block.empty()) continue;
    if (const auto pair = against_time(block, spans)) {
      return Operations{std::min(pair->first, pair->second), std::max(pair->first, pair->second)};
    }
    edges.push_back(edges_of(block, spans));
    const Moment first_end = spans[edges.back().first_end].completed;
    clusters.push_back({.min_end = begins_[i].before_all ? kBefore : first_end,
                        .max_begin = spans[edges.back().last_begin].invoked,
                        .number = edges.size() - 1});
  }
  const auto pair = check::unique_order(std::move(clusters));
  if (!pair) return std::nullopt;
  Operations found;
  for (const std::size_t block : {pair->a.number, pair->b.number}) {
    found.insert(found.end(), {edges[block].first_end, edges[block].last_begin});
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

}  // namespace stress::linear
