#include "harness/explore/replays.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stress {
namespace {

/// Where a repetition was not what was recorded; empty: nowhere.
std::string difference(const SchedulePlan& plan, const std::vector<std::string>& broken,
                       const ScheduleResult& result) {
  if (!result.departed.empty()) return result.departed;
  const auto [recorded, repeated] = std::ranges::mismatch(plan.trace, result.trace);
  if (recorded != plan.trace.end()) {
    return fmt::format("step {}: expected {}, and it was {}", recorded - plan.trace.begin() + 1,
                       *recorded, repeated == result.trace.end() ? "over" : *repeated);
  }
  if (result.verdict == report::Verdict::kUnknown) return result.reason;
  const std::vector<std::string> ids = broken_ids(result);
  if (ids == broken) return {};
  return fmt::format("it broke {}, and when it was recorded {}",
                     ids.empty() ? "nothing" : fmt::format("{}", fmt::join(ids, ", ")),
                     fmt::join(broken, ", "));
}

}  // namespace

std::vector<std::string> broken_ids(const ScheduleResult& result) {
  std::vector<std::string> ids;
  ids.reserve(result.broken.size());
  for (const report::InvariantResult& one : result.broken) ids.push_back(one.id);
  return ids;
}

base::Result<Replays> replay(const SchedulePlan& plan, const std::vector<std::string>& broken,
                             int times, Team& team) {
  std::vector<SchedulePlan> plans(static_cast<std::size_t>(times), plan);
  plans.front().story = true;
  auto results = team.run_all(plans, [](const ScheduleResult&) { return false; });
  if (!results) return std::unexpected(results.error());
  Replays replays;
  for (std::optional<ScheduleResult>& result : *results) {
    const std::string departed = difference(plan, broken, *result);
    ++replays.done;
    if (departed.empty()) {
      ++replays.same;
    } else if (replays.departed.empty()) {
      replays.departed = departed;
    }
  }
  replays.story = std::move(results->front()->story);
  return replays;
}

}  // namespace stress
