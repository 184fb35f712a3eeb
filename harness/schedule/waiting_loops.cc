#include "harness/schedule/waiting_loops.h"

#include <algorithm>

#include "harness/choice/choice.h"

namespace stress {

bool WaitingLoops::loops(std::string_view task, std::string_view call) const {
  const auto loop = loops_.find(task);
  return loop != loops_.end() && loop->second.repeats >= repeats_max_ && loop->second.call == call;
}

bool WaitingLoops::gives_way(std::string_view task, const Labels& ready) const {
  const auto loop = loops_.find(task);
  return loop != loops_.end() && loop->second.rests &&
         std::ranges::any_of(loop->second.before,
                             [&](const std::string& other) { return ready.contains(other); });
}

void WaitingLoops::moved(std::string_view task, std::string_view call, bool yields,
                         const Labels& living) {
  for (auto& [label, loop] : loops_) {
    if (label == task) continue;
    loop.rests = !loop.before.empty();
    if (const auto mover = loop.before.find(task); mover != loop.before.end()) {
      loop.before.erase(mover);
    }
    // Until all of them have moved, it is where it was.
    if (loop.before.empty()) loop.repeats = 0;
  }
  Loop& loop = loops_[std::string(task)];
  const bool looped = loops(task, call);
  if (loop.call != call && !loop.slept) loop.before.clear();
  loop.repeats = stepper_ == task && loop.call == call ? loop.repeats + 1 : 1;
  loop.call = call;
  if (yields || (loop.repeats == repeats_max_ && loop.before.empty())) {
    loop.before = living;
    loop.before.erase(std::string(task));
    loop.slept = yields && !looped;
    loop.rests = yields;
  }
  stepper_ = task;
}

void WaitingLoops::disturbed() {
  for (auto& [label, loop] : loops_) {
    loop.before.clear();
    loop.repeats = 0;
  }
  stepper_.clear();
}

std::uint64_t WaitingLoops::after(std::uint64_t state, std::string_view task, std::string_view call,
                                  bool yields, const Labels& living) const {
  WaitingLoops next = *this;
  next.moved(task, call, yields, living);
  return next.with(state, living);
}

std::uint64_t WaitingLoops::with(std::uint64_t state, const Labels& living) const {
  Choice all(state);
  for (const auto& [label, loop] : loops_) {
    if (!living.contains(label)) continue;
    const auto repeats = static_cast<std::uint64_t>(std::min(loop.repeats, repeats_max_));
    if (label == stepper_ && repeats > 1) all = all.of("again").of(repeats);
    if (loop.before.empty()) continue;
    all = all.of(label).of(repeats).of(loop.rests ? "rests" : "").of(loop.slept ? "slept" : "");
    for (const std::string& other : loop.before) all = all.of(other);
  }
  return all.bits();
}

}  // namespace stress
