#include "harness/schedule/scheduler.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "harness/schedule/access.h"
#include "harness/supervise/lock_probe.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using State = ScheduledTask::State;

bool changes_files(Sys sys) {
  switch (sys) {
    case Sys::kOpen:
    case Sys::kWrite:
    case Sys::kRename:
    case Sys::kLink:
    case Sys::kUnlink:
    case Sys::kFolder:
    case Sys::kTruncate:
      return true;
    default:
      return false;
  }
}

bool is_act(const Op& op) {
  if (op.sys == Sys::kOpen) return (op.flags & O_EXCL) != 0;
  return changes_files(op.sys) || op.sys == Sys::kConnect || op.sys == Sys::kSend ||
         (op.sys == Sys::kSignal && op.flags != 0);
}

}  // namespace

void Scheduler::note_new(const ScheduledTask& task, std::string_view maker) {
  causality_.fork(task.label, maker);
  meetings_.fork(task.label, maker);
  made_by_[task.label] = meeting_id(cause_.first, cause_.second);
  traceless_ = false;
}

RunEnd Scheduler::run(Arena& arena, std::vector<Actor> actors) {
  arena_ = &arena;
  actors_ = std::move(actors);
  const RunEnd end = take_steps();
  mark_births();
  return end;
}

RunEnd Scheduler::take_steps() {
  while (true) {
    const bool still = arena_->settle();
    finish_step();
    if (!still) return RunEnd::kRestless;
    if (steps_.size() >= setting_.steps_max) return RunEnd::kTooLong;
    const Choices choices = look_for_choices();
    if (choices.moment.candidates.empty()) {
      if (!arena_->any_running()) return RunEnd::kDone;
      if (!wait_for_outside()) return RunEnd::kStuck;
      continue;
    }
    const std::optional<Decision> decision = strategy_.choose(choices.moment);
    if (decision) {
      carry_out(choices, *decision);
      continue;
    }
    if (!strategy_.known()) return RunEnd::kDeparted;
    cut_at_ = choices.moment;
    return RunEnd::kKnown;
  }
}

void Scheduler::carry_out(const Choices& choices, const Decision& decision) {
  Step step;
  step.moment = choices.moment;
  step.decision = decision;
  step.begin = base::monotonic_ns();
  steps_.push_back(std::move(step));
  note_sleepers();
  traceless_ = false;
  if (decision.act != Act::kRun) return crash(decision);
  const auto& candidates = choices.moment.candidates;
  const auto chosen = std::ranges::find(candidates, decision.who, &Candidate::task);
  const auto index = static_cast<std::size_t>(chosen - candidates.begin());
  causality_.add({decision.who, choices.keys[index], choices.accesses[index]});
  meetings_.made(decision.who, candidates[index].key, choices.accesses[index]);
  if (choices.moment.forced) {
    note_consequence(choices.accesses[index]);
    born_by_.emplace_back(meeting_id(decision.who, candidates[index].key), made_by_[decision.who]);
  } else {
    cause_ = {decision.who, candidates[index].key};
  }
  if (choices.tasks[index] != nullptr) {
    step_of(*choices.tasks[index], choices, index);
    return;
  }
  const auto actor = std::ranges::find(actors_, decision.who, &Actor::label);
  step_of_actor(*actor);
}

void Scheduler::mark_births() {
  for (const auto& [call, birth] : std::exchange(born_by_, {})) {
    if (meetings_.met().contains(call)) meetings_.mark(birth);
  }
}

/// What comes of a step at once is part of it: where that races, the step does.
void Scheduler::note_consequence(const std::vector<Access>& accesses) {
  if (!cause_.first.empty()) meetings_.made(cause_.first, cause_.second, accesses);
}

void Scheduler::step_of(ScheduledTask& task, const Choices& choices, std::size_t index) {
  Step& step = steps_.back();
  step.operation = task.operation;
  step.program = task.program;
  step.call = task.call;
  step.bytes = task.stopped.op.bytes;
  step.changes = !task.first && changes_files(task.stopped.op.sys);
  step.acts = !task.first && is_act(task.stopped.op);
  others_have_moved(&task);
  const bool alone = std::exchange(stepper_, task.label) == task.label;
  task.repeats = alone && task.last_key == task.call.key ? task.repeats + 1 : 1;
  task.slept_alone = choices.moment.candidates[index].yields;
  task.last_key = task.call.key;
  if (!choices.moment.forced) last_ = task.label;
  holders_.stepped(task.label, meeting_id(task.label, task.call.key));
  if (task.first) observer_.began(task.label);
  traceless_ = !task.first && leave_no_trace(choices.accesses[index]);
  let_go(task);
}

void Scheduler::others_have_moved(const ScheduledTask* mover) {
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task.get() == mover) continue;
    task->slept_alone = false;
    task->repeats = 0;
  }
}

void Scheduler::let_go(ScheduledTask& task) {
  const Op& op = task.stopped.op;
  if (op.sys == Sys::kSleep) return arena_->answer(task, 0);
  if (is_unlock(op)) {
    holders_.released(lock_object(op));
  } else if (is_lock_request(op)) {
    locks_.insert(lock_object(op));
    if (take_lock(op)) {
      note_taken(task);
      return arena_->answer(task, 0);
    }
    const bool held = probe_lock(op).answer == LockAnswer::kHeld;
    if (held) steps_.back().result = "it is held";
    if (!held) note_taken(task);
  }
  arena_->let_go(task);
}

void Scheduler::note_taken(const ScheduledTask& task) {
  const Op& op = task.stopped.op;
  const std::uint64_t lock = lock_object(op);
  for (const std::uint64_t call : holders_.found_free(lock)) meetings_.mark(call);
  holders_.taken(lock, task.label, lock_key(op));
}

void Scheduler::step_of_actor(Actor& actor) {
  Step& step = steps_.back();
  step.operation = actor.label;
  step.call = actor.call;
  others_have_moved(nullptr);
  last_ = stepper_ = actor.label;
  step.result = actor.act();
  actors_.erase(actors_.begin() + (&actor - actors_.data()));
}

void Scheduler::crash(const Decision& decision) {
  Step& step = steps_.back();
  step.operation = decision.who;
  step.call = {.key = "death", .words = "is killed", .kind = "crash"};
  if (const ScheduledTask* task = arena_->tasks().by_label(decision.who)) {
    step.program = task->program;
    if (task->state == State::kParked) step.call.words = "is killed before: " + task->call.words;
  }
  // Whose descendants live on leads to another state than whose do not.
  const std::vector<Access> accesses = accesses_of_death({locks_.begin(), locks_.end()});
  causality_.add({decision.who, to_string(decision.act), accesses});
  meetings_.made(decision.who, to_string(decision.act), accesses);
  cause_ = {decision.who, std::string(to_string(decision.act))};
  others_have_moved(nullptr);
  ++crashes_;
  crashed_ = decision.who;
  arena_->kill(decision.who, decision.act == Act::kCrashWithDescendants);
  // A death of somebody else's is no switch: whoever ran goes on.
  const ScheduledTask* last = arena_->tasks().by_label(last_);
  if (last == nullptr || last->state == State::kDead) last_.clear();
}

void Scheduler::note_sleepers() {
  sleepers_.clear();
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state == State::kRunning) sleepers_.emplace_back(label, task->look);
  }
}

void Scheduler::note_woken() {
  if (steps_.empty()) return;
  for (const auto& [label, look] : std::exchange(sleepers_, {})) {
    const ScheduledTask* task = arena_->tasks().by_label(label);
    // Whoever has run meanwhile was told of something, by ways that are not seen.
    if (task == nullptr || task->state != State::kRunning || task->look != look) {
      traceless_ = false;
    }
    if (task != nullptr && task->state == State::kParked) {
      causality_.wake(label, steps_.back().decision.who);
      meetings_.wake(label, steps_.back().decision.who);
    }
  }
}

void Scheduler::finish_step() {
  note_woken();
  note_ends();
  report_ends();
  if (steps_.empty() || steps_.back().end != 0) return;
  const ScheduledTask* task = arena_->tasks().by_label(steps_.back().decision.who);
  if (task == nullptr || task->state == State::kDead) traceless_ = false;
  // What leaves no trace is asked for on account of deaths only.
  if (traceless_ && crashes_ < setting_.crashes_max) traceless_ = !has_lost_a_lock(*task);
  steps_.back().end = base::monotonic_ns();
  steps_.back().locks_held = holders_.any();
  observer_.stepped(steps_.back());
}

std::vector<std::pair<std::uint64_t, LockKey>> Scheduler::locks_of(pid_t process) const {
  std::vector<std::pair<std::uint64_t, LockKey>> locks;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->pid == process) std::ranges::copy(holders_.held_by(label), std::back_inserter(locks));
  }
  return locks;
}

/// By a close, which nobody sees.
bool Scheduler::has_lost_a_lock(const ScheduledTask& task) const {
  return std::ranges::any_of(locks_of(task.pid),
                             [&](const auto& lock) { return !shares_lock(task.pid, lock.second); });
}

/// Whoever asks for somebody's life is told something else from now on, and locks are released. The
/// end of a task is the work of the step that it ended by, its own or another's; where none is
/// under way it has ended by itself.
void Scheduler::note_ends() {
  const bool in_step = !steps_.empty() && steps_.back().end == 0;
  for (const auto& [label, process, reaped] : lives_.changes(arena_->tasks())) {
    if (steps_.empty()) continue;
    std::vector<Access> changed = {life_of(process, Touch::kChanges)};
    for (const auto& [lock, file] : locks_of(process)) changed.push_back({lock, Touch::kChanges});
    const ScheduledTask& ended = *arena_->tasks().by_label(label);
    const std::string by = in_step ? steps_.back().decision.who : label;
    if (!reaped && by != label) {
      causality_.wake(label, by);
      meetings_.wake(label, by);
    }
    std::vector<Access> told = changed;
    if (!reaped && ended.label == ended.operation) told.push_back(all_programs(Touch::kAdds));
    causality_.add({reaped ? by : label, reaped ? "reaped" : "end", told});
    meetings_.made(by, in_step ? steps_.back().call.key : ended.last_key, changed);
    if (in_step && steps_.back().moment.forced) note_consequence(changed);
    if (!reaped && by != label) meetings_.made(label, ended.last_key, changed);
  }
}

void Scheduler::report_ends() {
  for (const Arena::Ended& ended : arena_->take_ended()) {
    observer_.ended(ended.label, ended.status, ended.label == crashed_);
  }
  const auto is_gone = [&](const std::string& holder) {
    const ScheduledTask* task = arena_->tasks().by_label(holder);
    return task == nullptr || task->state == State::kDead;
  };
  const auto heir_to = [this](const LockKey& file) { return sharer_of(file); };
  for (const std::uint64_t call : holders_.ended(is_gone, heir_to)) meetings_.mark(call);
  crashed_.clear();
}

}  // namespace stress
