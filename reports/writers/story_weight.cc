#include "reports/writers/story_weight.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "reports/writers/story_words.h"

namespace report {
namespace {

bool is_plain(const ScheduleStep& step) { return step.registry.empty() && step.result.empty(); }

}  // namespace

StoryWeight::StoryWeight(const std::vector<ScheduleStep>& steps, bool brief) : brief_(brief) {
  for (const ScheduleStep& step : steps) {
    for (const std::string& file : {step.file, step.file2}) {
      const auto [user, first] = users_.try_emplace(file, step.operation);
      if (!first && user->second != step.operation) user->second.clear();
    }
  }
}

bool StoryWeight::is_nothing(std::span<const ScheduleStep> run) {
  constexpr std::array<std::string_view, 4> kKinds = {"fsync", "chmod", "send", "exit"};
  return std::ranges::all_of(run, [&](const ScheduleStep& step) {
    const bool opens = step.kind == "open" && step.file == ".";
    return is_plain(step) && (opens || std::ranges::find(kKinds, step.kind) != kKinds.end());
  });
}

bool StoryWeight::is_minor(std::span<const ScheduleStep> run) const {
  return std::ranges::all_of(run, [this](const ScheduleStep& step) { return is_minor(step); });
}

bool StoryWeight::is_minor(const ScheduleStep& step) const {
  constexpr std::array<std::string_view, 3> kKinds = {"connect", "sleep", "other"};
  if (!is_plain(step) || step.kind == "exec" || is_nameless(step)) return false;
  const std::vector<std::string> changed = changed_by(step);
  const bool own = touch_of(step) == Touch::kCreate
                       ? !users_.at(step.file).empty()
                       : !changed.empty() && std::ranges::all_of(changed, [this](const auto& file) {
                           return !users_.at(file).empty();
                         });
  return brief_ || own || touch_of(step) == Touch::kLook || is_nothing({&step, 1}) ||
         std::ranges::find(kKinds, step.kind) != kKinds.end();
}

}  // namespace report
