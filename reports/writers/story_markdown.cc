#include <string>

#include <fmt/format.h>

#include "reports/writers/exploration_text.h"
#include "reports/writers/markdown_text.h"
#include "reports/writers/text.h"
#include "reports/writers/writers.h"

namespace report {

std::string to_story_markdown(const FailingSchedule& schedule) {
  constexpr std::size_t kBytesMax = 300;
  std::string out = "## ";
  std::string names;
  for (const ScheduledOperation& operation : schedule.operations) {
    names += (names.empty() ? "" : ", ") + operation.words;
  }
  out += plain(names.empty() ? "a failing schedule" : names, kBytesMax) + "\n\n";
  out += fmt::format("{}.\n\n", plain(size_line(schedule), kBytesMax));
  out += fmt::format("{}.\n\n", plain(origin_line(schedule), 2 * kBytesMax));
  out += fenced(to_story(schedule, false, 100));
  if (schedule.file.empty()) return out;
  return out + "Again, step by step, from the folder of the results:\n\n" +
         fenced(one_line(shell_command({"stress", "replay", schedule.file})) + "\n");
}

}  // namespace report
