#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "reports/model/exploration.h"

namespace report {

/// How much the steps of one schedule matter to a reader who wants to know how they met.
class StoryWeight {
 public:
  /// `brief`: for a long story.
  StoryWeight(const std::vector<ScheduleStep>& steps, bool brief);

  /// Of no effect on the order of things; may be left out beside what it belongs to.
  [[nodiscard]] static bool is_nothing(std::span<const ScheduleStep> run);
  /// Changes nothing that another operation has to do with, and is no look at the registry. In
  /// brief, anything but what was seen in the registry or done to it, or did not go plainly.
  [[nodiscard]] bool is_minor(std::span<const ScheduleStep> run) const;

 private:
  [[nodiscard]] bool is_minor(const ScheduleStep& step) const;

  bool brief_;
  std::map<std::string, std::string> users_;  ///< of each file: the only operation, or none
};

}  // namespace report
