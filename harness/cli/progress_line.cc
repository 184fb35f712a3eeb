#include "harness/cli/progress_line.h"

#include <unistd.h>

namespace stress {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLivePause = 100ms;
constexpr auto kPipedPause = 5s;

}  // namespace

ProgressLine::ProgressLine(bool quiet, std::FILE* file)
    : quiet_(quiet), file_(file), live_(!quiet && isatty(fileno(file)) != 0) {
  if (!live_) shown_ = Clock::now();  // the first plain line only after a pause
}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(std::string_view text) {
  const auto now = Clock::now();
  if (quiet_ || now - shown_ < (live_ ? kLivePause : kPipedPause)) return;
  shown_ = now;
  clear();
  say(file_, "{}{}", text, live_ ? "" : "\n");
  std::fflush(file_);
  open_ = live_;
}

void ProgressLine::clear() {
  if (open_) std::fputs("\r\033[K", file_);
  open_ = false;
}

}  // namespace stress
