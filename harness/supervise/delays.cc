#include "harness/supervise/delays.h"

#include <algorithm>
#include <utility>

namespace stress {

void Delays::add(Stopped stopped, const Delay& delay) {
  waiting_.push_back(
      {std::move(stopped), delay, std::chrono::steady_clock::now() + delay.duration});
}

void Delays::let_run(bool all) {
  if (waiting_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(waiting_, [&](const Waiting& call) {
    if (!all && now < call.due) return false;
    policy_.applied(call.stopped.op, call.delay, call.stopped.let_run());
    return true;
  });
}

void Delays::forget(std::uint32_t root) {
  std::erase_if(waiting_, [&](const Waiting& call) {
    if (call.stopped.op.root != root) return false;
    policy_.applied(call.stopped.op, call.delay, false);
    return true;
  });
}

std::optional<Delays::TimePoint> Delays::next() const {
  const auto first = std::ranges::min_element(waiting_, {}, &Waiting::due);
  return first == waiting_.end() ? std::nullopt : std::optional(first->due);
}

}  // namespace stress
