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
  traceless_ = false;
}

RunEnd Scheduler::run(Arena& arena, std::vector<Actor> actors) {
  arena_ = &arena;
  actors_ = std::move(actors);
  while (true) {
    const bool still = arena.settle();
    finish_step();
    if (!still) return RunEnd::kRestless;
    if (steps_.size() >= setting_.steps_max) return RunEnd::kTooLong;
    const Choices choices = look_for_choices();
    if (choices.moment.candidates.empty()) {
      if (!arena.any_running()) return RunEnd::kDone;
      if (!wait_for_outside()) return RunEnd::kStuck;
      continue;
    }
    const std::optional<Decision> decision = strategy_.choose(choices.moment);
    if (!decision) return strategy_.knows_the_rest() ? RunEnd::kKnown : RunEnd::kDeparted;
    carry_out(choices, *decision);
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
  const bool alone = last_ == task.label;
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
  last_ = actor.label;
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
  steps_.back().end = base::monotonic_ns();
  steps_.back().locks_held = holders_.any();
  observer_.stepped(steps_.back());
}

/// Whoever asks for somebody's life is told something else from now on, and locks are released. The
/// end of a task is the work of the step that it ended by, its own or another's.
void Scheduler::note_ends() {
  for (const auto& [label, process, reaped] : lives_.changes(arena_->tasks())) {
    if (steps_.empty()) continue;
    std::vector<Access> changed = {life_of(process, Touch::kChanges)};
    for (const std::uint64_t lock : holders_.held_by(label)) {
      changed.push_back({lock, Touch::kChanges});
    }
    const std::string& by = steps_.back().decision.who;
    if (!reaped && by != label) {
      causality_.wake(label, by);
      meetings_.wake(label, by);
    }
    causality_.add({reaped ? by : label, reaped ? "reaped" : "end", changed});
    meetings_.made(by, steps_.back().call.key, changed);
    if (steps_.back().moment.forced) note_consequence(changed);
    if (!reaped && by != label) {
      const ScheduledTask* ended = arena_->tasks().by_label(label);
      meetings_.made(label, ended->last_key, changed);
    }
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
