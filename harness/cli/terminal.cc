#include "harness/cli/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "harness/cli/say.h"

namespace stress {

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0');
}

TerminalProgress::TerminalProgress(bool quiet)
    : quiet_(quiet), live_(!quiet && isatty(STDERR_FILENO) != 0) {}

TerminalProgress::~TerminalProgress() { clear_line(); }

void TerminalProgress::clear_line() {
  if (!line_open_) return;
  std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

void TerminalProgress::began(std::uint64_t seed, const std::string& results) {
  if (quiet_) return;
  say(stderr, "seed {}\nresults in {}\n", seed, results);
}

void TerminalProgress::phase(const std::string& name) {
  if (quiet_) return;
  clear_line();
  say(stderr, "{} ...\n", name);
}

void TerminalProgress::status(const Status& status) {
  const auto now = std::chrono::steady_clock::now();
  const auto interval = live_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  if (quiet_ || now - shown_ < interval) return;
  if (shown_ == std::chrono::steady_clock::time_point{} && !live_) {
    shown_ = now;  // piped: the first line only after an interval
    return;
  }
  shown_ = now;
  const std::string of = status.required == 0 ? "" : fmt::format("/{}", status.required);
  const std::string text = fmt::format(
      "{}{} spawns  {} crashes  {} other faults  {:.0f}/s  {:.0f} s left", status.acknowledged, of,
      status.crashes, status.faults,
      status.seconds > 0 ? static_cast<double>(status.acknowledged) / status.seconds : 0.0,
      status.seconds_left);
  if (live_) {
    say(stderr, "\r\033[K{}", text);
    std::fflush(stderr);
    line_open_ = true;
  } else {
    say(stderr, "{}\n", text);
  }
}

}  // namespace stress
