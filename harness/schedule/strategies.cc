#include "harness/schedule/strategies.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "harness/schedule/step.h"

namespace stress {
namespace {

/// Of the upper half of all numbers; those who have fallen share the lower one.
constexpr std::uint64_t kUpperHalf = 1ull << 63;

Decision kill_somebody(const Moment& moment, const Choice& choice) {
  const Mortal& victim = moment.mortals[choice.of("victim").below(moment.mortals.size())];
  const bool all = victim.has_descendants && choice.of("scope").chance(0.5);
  return {all ? Act::kCrashWithDescendants : Act::kCrash, victim.operation};
}

std::string what_there_was(const Moment& moment) {
  std::string text;
  for (const Candidate& candidate : moment.candidates) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", candidate.task, candidate.key);
  }
  return text;
}

}  // namespace

std::optional<Decision> RandomWalk::choose(const Moment& moment) {
  const Choice own = choice_.of(moment.step);
  const double rate = range_ == 0 ? 0 : 1.0 / static_cast<double>(range_);
  if (!moment.mortals.empty() && own.of("crash").chance(rate)) return kill_somebody(moment, own);
  // Not the n-th of the list: who else is there must not change what is drawn for a task.
  const auto chosen = std::ranges::min_element(
      moment.candidates, {}, [&](const Candidate& one) { return own.of(one.task).bits(); });
  return Decision{Act::kRun, chosen->task};
}

Pct::Pct(std::uint64_t seed, int depth, std::uint64_t range) : choice_(seed) {
  const std::uint64_t steps = std::max<std::uint64_t>(range, 1);
  std::uint64_t priority = kUpperHalf;
  for (int i = 1; i < depth; ++i) {
    const std::uint64_t after =
        1 + choice_.of("change").of(static_cast<std::uint64_t>(i)).below(steps);
    changes_[after] = --priority;
  }
  next_yield_ = priority - 1;
  crashes_.insert(choice_.of("crash").below(steps));
}

std::uint64_t Pct::priority_of(const std::string& task) const {
  const auto fallen = fallen_.find(task);
  if (fallen != fallen_.end()) return fallen->second;
  return kUpperHalf + choice_.of("priority").of(task).below(kUpperHalf);
}

std::optional<Decision> Pct::choose(const Moment& moment) {
  if (!moment.mortals.empty() && crashes_.contains(moment.step)) {
    last_.clear();
    return kill_somebody(moment, choice_.of(moment.step));
  }
  const auto change = changes_.find(moment.step);
  if (change != changes_.end() && !last_.empty()) fallen_[last_] = change->second;
  for (const Candidate& candidate : moment.candidates) {
    if (candidate.yields) fallen_[candidate.task] = next_yield_--;
  }
  const auto highest = std::ranges::max_element(
      moment.candidates, {},
      [&](const Candidate& candidate) { return priority_of(candidate.task); });
  last_ = highest->task;
  return Decision{Act::kRun, last_};
}

std::string pct_guarantee(int tasks, std::uint64_t steps, int depth) {
  return fmt::format(
      "a flaw that takes {} is found by each schedule with a probability of at least 1/({}*{}^{})",
      depth == 1 ? "one event before another"
                 : fmt::format("{} pairs of events in a certain order", depth),
      tasks, steps, depth - 1);
}

std::optional<Decision> FollowPrefix::choose(const Moment& moment) {
  const bool in_prefix = moment.step < prefix_.size();
  Decision decision = in_prefix ? prefix_[moment.step] : by_default(moment);
  if (!is_possible(moment, decision)) {
    departed_ = fmt::format("step {}: {} cannot {} any more; there was {}", moment.step + 1,
                            decision.who, to_string(decision.act), what_there_was(moment));
    return std::nullopt;
  }
  cost_.add(moment, decision);
  if (visited_ == nullptr || in_prefix) return decision;
  if (visited_->note(state_after(moment, decision), decision, cost_)) return decision;
  known_ = std::move(decision);
  return std::nullopt;
}

std::optional<Decision> Replay::choose(const Moment& moment) {
  if (moment.step >= std::min(decisions_.size(), trace_.size())) {
    departed_ = fmt::format("step {}: the recorded run had ended, and there was {}",
                            moment.step + 1, what_there_was(moment));
    return std::nullopt;
  }
  const Decision& decision = decisions_[moment.step];
  const auto candidate = std::ranges::find(moment.candidates, decision.who, &Candidate::task);
  const std::string line =
      candidate == moment.candidates.end() ? "" : trace_line(decision, candidate->key);
  const bool same =
      decision.act == Act::kRun ? line == trace_[moment.step] : is_possible(moment, decision);
  if (same) return decision;
  departed_ = fmt::format("step {}: expected {}; there was {}", moment.step + 1,
                          trace_[moment.step], what_there_was(moment));
  return std::nullopt;
}

}  // namespace stress
