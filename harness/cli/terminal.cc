#include "harness/cli/terminal.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

namespace stress {

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0');
}

void TerminalProgress::began(std::uint64_t seed, const std::string& results) {
  line_.tell("seed {}\nresults in {}", seed, results);
}

void TerminalProgress::phase(const std::string& name) { line_.tell("{} ...", name); }

void TerminalProgress::status(const Status& status) {
  const std::string of = status.required == 0 ? "" : fmt::format("/{}", status.required);
  line_.show(fmt::format(
      "{}{} spawns  {} crashes  {} other faults  {:.0f}/s  {:.0f} s left", status.acknowledged, of,
      status.crashes, status.faults,
      status.seconds > 0 ? static_cast<double>(status.acknowledged) / status.seconds : 0.0,
      status.seconds_left));
}

}  // namespace stress
