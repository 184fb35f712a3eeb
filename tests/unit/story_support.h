#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "reports/writers/writers.h"

namespace report::testing {

inline std::string story_of(const FailingSchedule& schedule) {
  return to_story(schedule, false, 100);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// All but the layout: what a cell says may be broken over lines anywhere between words.
inline std::string why_of(const FailingSchedule& schedule) {
  const std::string story = story_of(schedule);
  const std::size_t at = story.find("\nWhy\n");
  if (at == std::string::npos) return "";
  std::string text;
  for (const std::string& line : lines_of(story.substr(at + 5))) {
    text += (text.empty() ? "" : " ") + line.substr(line.find_first_not_of(' '));
  }
  return text;
}

}  // namespace report::testing
