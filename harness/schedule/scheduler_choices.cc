// What a scheduler finds to choose from at a moment.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "harness/choice/choice.h"
#include "harness/schedule/access.h"
#include "harness/schedule/scheduler.h"
#include "harness/supervise/lock_probe.h"

namespace stress {
namespace {

using State = ScheduledTask::State;

/// As a member of its process group, where all of that is killed.
bool dies_with(const ScheduledTask& main, const ScheduledTask& task) {
  return task.pid == main.pid || getpgid(task.pid) == main.pid;
}

bool is_about_lock(const Op& op) { return is_lock_request(op) || is_unlock(op); }

}  // namespace

/// What would not die with its operation is not asked for on its account.
std::string Scheduler::whom_it_asks_after(const ScheduledTask& task) const {
  const Op& op = task.stopped.op;
  const std::optional<pid_t> process = asked_about(op);
  if (!process) return op.sys == Sys::kSignal ? kAnybody : "";
  const ScheduledTask* asked = arena_->tasks().of_process(*process);
  if (asked == nullptr || asked->state == State::kDead) return kAnybody;
  const ScheduledTask* main = arena_->tasks().by_label(asked->operation);
  return main != nullptr && dies_with(*main, *asked) ? asked->operation : "";
}

Scheduler::Choices Scheduler::look_for_choices() {
  Choices choices;
  choices.moment.step = steps_.size();
  choices.moment.traceless = trace_.traceless;
  choices.moment.traceless_once_dead = trace_.traceless_once_dead;
  std::vector<ScheduledTask*> ready;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state != State::kParked) continue;
    task->accesses = accesses_of_step(*task);
    meetings_.stands_before(label, task->call.key, task->accesses);
    if (!waits(*task) && !begins_later(*task)) ready.push_back(task.get());
  }
  WaitingLoops::Labels all;
  for (const ScheduledTask* task : ready) all.insert(task->label);
  const auto gives_way = [this, &all](const ScheduledTask* task) {
    return yields(*task) && loops_.gives_way(task->label, all);
  };
  if (!std::ranges::all_of(ready, gives_way)) std::erase_if(ready, gives_way);
  ScheduledTask* at_once = who_goes_at_once(ready);
  choices.moment.forced = at_once != nullptr;
  choices.moment.held_up = is_anybody_held_up(ready, choices.moment.forced);
  if (at_once != nullptr) ready = {at_once};
  for (ScheduledTask* task : ready) {
    Candidate candidate{task->label, task->operation, turn_of(*task), task->call.key,
                        0,           yields(*task)};
    if (!task->first) {
      const Op& op = task->stopped.op;
      candidate.lock = is_about_lock(op) ? holders_.number_of(lock_key(op)) : 0;
      candidate.asks_after = whom_it_asks_after(*task);
    }
    add_candidate(choices, task, std::move(candidate), task->accesses);
  }
  if (at_once != nullptr) return choices;
  for (const Actor& actor : actors_) {
    meetings_.stands_before(actor.label, actor.call.key, actor.accesses);
    add_candidate(choices, nullptr,
                  {actor.label, actor.label, actor.label, actor.call.key, 0, false, 0, kAnybody},
                  actor.accesses);
  }
  if (crashes_ < setting_.crashes_max && !choices.moment.candidates.empty()) {
    add_mortals(choices.moment);
  }
  return choices;
}

/// Whoever waits in a loop takes turns with the others.
ScheduledTask* Scheduler::who_goes_at_once(const std::vector<ScheduledTask*>& ready) const {
  if (!setting_.sessions_at_once) return nullptr;
  const auto found = std::ranges::find_if(
      ready, [this](const ScheduledTask* task) { return is_apart(*task) && !yields(*task); });
  return found == ready.end() ? nullptr : *found;
}

/// It stands before a call, in a session of its own.
bool Scheduler::is_apart(const ScheduledTask& task) const {
  return task.state == State::kParked && !task.first &&
         (arena_->is_servers(task) || task.stopped.op.detached);
}

std::string Scheduler::turn_of(const ScheduledTask& task) const {
  return is_apart(task) ? task.label : task.operation;
}

/// Where something goes on at once, only what else would: whose turn it is does not change by that.
bool Scheduler::is_anybody_held_up(const std::vector<ScheduledTask*>& ready, bool forced) const {
  return std::ranges::any_of(arena_->tasks().all(), [&](const auto& entry) {
    const ScheduledTask& task = *entry.second;
    const bool has_turn = task.state == State::kParked && turn_of(task) == turn_;
    const bool ran_last = task.label == last_ && task.state != State::kDead;
    const bool could_matter =
        (!forced && (ran_last || has_turn)) || (setting_.sessions_at_once && is_apart(task));
    return could_matter && std::ranges::find(ready, &task) == ready.end();
  });
}

std::vector<Access> Scheduler::accesses_of_step(ScheduledTask& task) const {
  // Who had ended when it began is judged by.
  if (task.first) return {all_programs(Touch::kLooks)};
  if (task.touches_at != arena_->names_changed()) {
    task.touches = accesses_of(task.stopped.op);
    task.touches_at = arena_->names_changed();
  }
  std::vector<Access> accesses = task.touches;
  if (is_lock_request(task.stopped.op)) {
    accesses.push_back(sharers_of(task.operation, Touch::kLooks));
  }
  if (arena_->tasks().is_threaded(task)) accesses.push_back(memory_of(task.pid));
  return accesses;
}

void Scheduler::add_candidate(Choices& choices, ScheduledTask* task, Candidate candidate,
                              std::vector<Access> accesses) {
  std::string key = candidate.key;
  // Locks are released unseen too, by close: whether this one is had says more than the order does.
  if (task != nullptr && !task->first && !waits_for_lock(task->stopped.op) &&
      probe_lock(task->stopped.op).answer == LockAnswer::kHeld) {
    key += ", in vain";
  }
  if (task != nullptr && !task->first) {
    if (const auto process = asked_about(task->stopped.op)) {
      key += fmt::format(": it {}", standing_of(*process));
    }
  }
  candidate.state = causality_.after({candidate.task, key, accesses});
  if (task != nullptr) {
    candidate.state =
        loops_.after(candidate.state, candidate.task, candidate.key, candidate.yields, living());
  }
  // After what goes on at once it is another's turn still.
  if (choices.moment.forced) candidate.state = Choice(candidate.state).of(last_).bits();
  if (!candidate.yields && candidate.task == last_) {
    choices.moment.last = choices.moment.candidates.size();
  }
  if (!candidate.yields && candidate.turn == turn_) choices.moment.turn = turn_;
  choices.moment.candidates.push_back(std::move(candidate));
  choices.tasks.push_back(task);
  choices.accesses.push_back(std::move(accesses));
  choices.keys.push_back(std::move(key));
}

void Scheduler::add_mortals(Moment& moment) {
  for (const auto& [label, task] : arena_->tasks().all()) {
    // Who has not begun yet, or has ended, is killed to no effect.
    if (task->label != task->operation || !arena_->is_running(label) || task->first ||
        arena_->is_servers(*task)) {
      continue;
    }
    moment.mortals.push_back(mortal_of(*task));
  }
}

Mortal Scheduler::mortal_of(const ScheduledTask& main) {
  Mortal mortal{.operation = main.label, .is_heard = is_heard(main)};
  mortal.shares_files = shared_files_.has_any(main.label);
  const std::set<LockKey> files = holders_.held_within(main.label);
  mortal.locks.reserve(files.size());
  for (const LockKey& file : files) {
    mortal.locks.push_back(holders_.number_of(file));
  }
  std::ranges::sort(mortal.locks);
  const std::uint64_t dead = causality_.after(
      {main.label, to_string(Act::kCrash), accesses_of_death(locks_of(main.label))});
  mortal.state = Choice(dead).of(last_).bits();
  for (const ScheduledTask* member : arena_->tasks().members_of(main.label)) {
    if (!dies_with(main, *member)) continue;
    if (member->state == State::kParked) ++mortal.standing;
    mortal.has_descendants = mortal.has_descendants || member->pid != main.pid;
  }
  return mortal;
}

bool Scheduler::is_heard(const ScheduledTask& main) {
  const auto joined = [this](const ScheduledTask& one, const ScheduledTask& other) {
    return are_joined(descriptors_.of(one).channels, descriptors_.of(other).channels);
  };
  std::vector<const ScheduledTask*> dying;
  std::vector<const ScheduledTask*> others;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state == State::kDead || task->first || task->tid != task->pid) continue;
    (dies_with(main, *task) ? dying : others).push_back(task.get());
  }
  return std::ranges::any_of(dying, [&](const ScheduledTask* one) {
    if (descriptors_.of(*one).channels.empty()) return false;
    return (one->pid != main.pid && joined(main, *one)) ||
           std::ranges::any_of(others,
                               [&](const ScheduledTask* other) { return joined(*one, *other); });
  });
}

bool Scheduler::waits(ScheduledTask& task) {
  const bool waits_already = std::exchange(task.waits, false);
  if (task.first || !waits_for_lock(task.stopped.op)) return false;
  if (probe_lock(task.stopped.op).answer != LockAnswer::kHeld) return false;
  if (!waits_already) (void)begin_waiting(task.stopped.op);
  return task.waits = true;
}

bool Scheduler::begins_later(const ScheduledTask& task) const {
  return setting_.begin_in_order && task.first &&
         std::ranges::any_of(arena_->tasks().all(), [&](const auto& entry) {
           const ScheduledTask& other = *entry.second;
           return other.state == State::kParked && other.first && other.root < task.root;
         });
}

bool Scheduler::yields(const ScheduledTask& task) const {
  return task.stopped.op.sys == Sys::kSleep || loops_.loops(task.label, task.call.key);
}

WaitingLoops::Labels Scheduler::living() const {
  WaitingLoops::Labels living;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state != State::kDead) living.insert(label);
  }
  return living;
}

}  // namespace stress
