#include "harness/schedule/search.h"

#include <algorithm>
#include <utility>

#include "harness/schedule/meetings.h"

namespace stress {
namespace {

const Mortal* mortal_of(const Moment& moment, const std::string& operation) {
  const auto mortal = std::ranges::find(moment.mortals, operation, &Mortal::operation);
  return mortal == moment.mortals.end() ? nullptr : &*mortal;
}

/// Whether nobody can have been told unseen of the operation's last step.
bool is_unheard(const Moment& moment, const std::string& operation) {
  const Mortal* mortal = mortal_of(moment, operation);
  return mortal == nullptr || !mortal->is_heard;
}

/// Whether the step could come out otherwise where the operation, which has these locks, is dead.
bool meets_death(const Candidate& step, const std::string& operation,
                 const std::vector<std::uint64_t>& locks) {
  if (step.asks_after == operation || step.asks_after == kAnybody) return true;
  return step.lock != 0 && std::ranges::find(locks, step.lock) != locks.end();
}

/// The steps before, back to the last that was chosen: whether none was one that the victim's death
/// could have changed, and none the victim's own, unless nothing is left of it; and nobody is there
/// whom the victim, or his death, may tell something unseen, or whom an earlier death would let go
/// on at the cost of others.
bool is_as_dead_before(std::size_t at, const std::vector<Moment>& moments,
                       const std::vector<Decision>& run, const Decision& death) {
  const Mortal* victim = mortal_of(moments[at], death.who);
  if (victim->is_heard) return false;
  bool goes_on_at_once = false;  // what has been passed
  for (std::size_t i = at; i > 0 && run[i - 1].act == Act::kRun; --i) {
    const Moment& moment = moments[i - 1];
    const auto step = std::ranges::find(moment.candidates, run[i - 1].who, &Candidate::task);
    if (moment.held_up) return false;
    if (step->operation == death.who) {
      if (goes_on_at_once || moment.forced || !is_unheard(moment, death.who)) return false;
      if (step->task == death.who) return moments[i].traceless_once_dead;
      if (!moments[i].traceless) return false;
    }
    if (meets_death(*step, death.who, victim->locks)) return false;
    if (!moment.forced) return true;
    goes_on_at_once = true;
  }
  return false;
}

/// Those whose turn it is: one of them would go on but for the preemption.
std::vector<const Candidate*> preempted_by(const Moment& moment) {
  if (moment.last) return {&moment.candidates[*moment.last]};
  std::vector<const Candidate*> preempted;
  for (const Candidate& candidate : moment.candidates) {
    if (!candidate.yields && candidate.turn == moment.turn) preempted.push_back(&candidate);
  }
  return preempted;
}

/// Whether the task could as well be preempted before its last step, should its operation be killed
/// where it stands. If the last step is another's of the operation, that one may live on, and what
/// it saw with it.
bool may_stand_before(std::size_t at, const std::vector<Moment>& moments,
                      const std::vector<Decision>& run, const Candidate& preempted) {
  if (at == 0 || run[at - 1] != Decision{Act::kRun, preempted.task}) return false;
  return !moments[at - 1].forced && moments[at].traceless &&
         is_unheard(moments[at - 1], preempted.operation) &&
         is_unheard(moments[at], preempted.operation);
}

bool somebody_yields(const Moment& moment) {
  return std::ranges::any_of(moment.candidates, &Candidate::yields);
}

}  // namespace

/// The cheapest first; of those the one that was found last, as its beginning is the longest.
bool Search::Later::operator()(const Branch& one, const Branch& other) const {
  const int mine = one.cost.preemptions + one.cost.crashes;
  const int theirs = other.cost.preemptions + other.cost.crashes;
  return mine != theirs ? mine > theirs : one.number < other.number;
}

std::optional<std::vector<Decision>> Search::next() {
  if (open_.empty()) return std::nullopt;
  const Branch branch = open_.top();
  open_.pop();
  std::vector<Decision> prefix;
  if (branch.run == nullptr) return prefix;
  prefix.assign(branch.run->begin(), branch.run->begin() + static_cast<std::ptrdiff_t>(branch.at));
  prefix.push_back(branch.other);
  return prefix;
}

bool Search::is_too_dear(const ScheduleCost& cost) const {
  return (preemptions_max_ >= 0 && cost.preemptions > preemptions_max_) ||
         cost.crashes > crashes_max_;
}

void Search::push(Branch branch) {
  if (!visited_.note(branch.state, branch.other, branch.cost)) {
    ++pruned_;
    return;
  }
  branch.number = ++branches_;
  open_.push(std::move(branch));
}

void Search::leave_out(Branch branch, const std::vector<std::uint64_t>& reasons) {
  const auto waiting = std::make_shared<Waiting>(std::move(branch));
  for (const std::uint64_t reason : reasons) waiting_[reason].push_back(waiting);
  ++waiting_count_;
}

void Search::take_up(const std::vector<std::shared_ptr<Waiting>>& waiting) {
  for (const std::shared_ptr<Waiting>& one : waiting) {
    if (std::exchange(one->taken_up, true)) continue;
    --waiting_count_;
    push(std::move(one->branch));
  }
}

void Search::learn(const std::unordered_set<std::uint64_t>& met) {
  for (const std::uint64_t meeting : met) {
    if (!met_.insert(meeting).second) continue;
    auto waiting = waiting_.extract(meeting);
    if (!waiting.empty()) take_up(waiting.mapped());
  }
}

void Search::give_up_leaving_out() {
  leaves_out_ = false;
  for (const auto& [reason, waiting] : std::exchange(waiting_, {})) take_up(waiting);
  for (Branch& branch : std::exchange(needless_deaths_, {})) push(std::move(branch));
}

/// What would be a reason to preempt those whose turn it is at this moment; nullopt: there is one.
std::optional<std::vector<std::uint64_t>> Search::reasons_to_preempt(
    std::size_t at, const std::vector<Moment>& moments, const std::vector<Decision>& run,
    bool may_die) const {
  std::vector<std::uint64_t> reasons;
  for (const Candidate* preempted : preempted_by(moments[at])) {
    reasons.push_back(meeting_id(preempted->task, preempted->key));
    if (!may_die || may_stand_before(at, moments, run, *preempted)) continue;
    // Who may still be killed where he stands has another reason to stand there.
    const Mortal* mortal = mortal_of(moments[at], preempted->operation);
    if (mortal == nullptr || preempted->turn != mortal->operation) continue;
    const bool matters = mortal->is_heard || mortal->shares_files || mortal->standing > 1;
    if (matters || !mortal->locks.empty()) return std::nullopt;
    reasons.push_back(life_meeting_id(preempted->operation));
    reasons.push_back(life_meeting_id(kAnybody));
  }
  const auto met = [this](std::uint64_t reason) { return met_.contains(reason); };
  if (std::ranges::any_of(reasons, met)) return std::nullopt;
  return reasons;
}

void Search::branch_at(std::size_t at, const std::vector<Moment>& moments, const Run& run,
                       ScheduleCost cost) {
  const Moment& moment = moments[at];
  for (const Candidate& candidate : moment.candidates) {
    const Decision other{Act::kRun, candidate.task};
    if (other == (*run)[at]) continue;
    ScheduleCost dearer = cost;
    dearer.add(moment, other);
    if (is_too_dear(dearer)) continue;
    Branch branch{run, at, other, candidate.state, dearer, 0};
    if (leaves_out_ && is_preemption(moment, other)) {
      auto reasons = reasons_to_preempt(at, moments, *run, dearer.crashes < crashes_max_);
      if (reasons) {
        leave_out(std::move(branch), *reasons);
        continue;
      }
    }
    push(std::move(branch));
  }
}

void Search::kill_at(std::size_t at, const std::vector<Moment>& moments, const Run& run,
                     ScheduleCost cost) {
  ++cost.crashes;
  if (is_too_dear(cost)) return;
  for (const Mortal& mortal : moments[at].mortals) {
    for (const Act act : {Act::kCrash, Act::kCrashWithDescendants}) {
      if (act == Act::kCrashWithDescendants && !mortal.has_descendants) continue;
      Branch branch{run, at, {act, mortal.operation}, mortal.state, cost, 0};
      if (leaves_out_ && is_as_dead_before(at, moments, *run, branch.other)) {
        needless_deaths_.push_back(std::move(branch));
      } else {
        push(std::move(branch));
      }
    }
  }
}

void Search::explored(std::size_t prefix, const std::vector<Moment>& moments,
                      const std::vector<Decision>& decisions,
                      const std::unordered_set<std::uint64_t>& met) {
  learn(met);
  if (leaves_out_ && std::ranges::any_of(moments, somebody_yields)) give_up_leaving_out();
  const Run run = std::make_shared<const std::vector<Decision>>(decisions);
  ScheduleCost cost;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    ScheduleCost after = cost;
    after.add(moments[i], decisions[i]);
    if (i >= prefix) {
      branch_at(i, moments, run, cost);
      kill_at(i, moments, run, cost);
      (void)visited_.note(state_after(moments[i], decisions[i]), decisions[i], after);
    }
    cost = after;
  }
}

}  // namespace stress
