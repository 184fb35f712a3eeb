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

template <class Files>
std::vector<std::uint64_t> objects_of(const Files& files) {
  std::vector<std::uint64_t> objects;
  objects.reserve(files.size());
  for (const LockKey& file : files) objects.push_back(lock_object(file));
  return objects;
}

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
  trace_.told = true;
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
  trace_ = {};
  if (decision.act != Act::kRun) return crash(decision);
  const auto& candidates = choices.moment.candidates;
  const auto chosen = std::ranges::find(candidates, decision.who, &Candidate::task);
  const auto index = static_cast<std::size_t>(chosen - candidates.begin());
  causality_.add({decision.who, choices.keys[index], choices.accesses[index]});
  meetings_.made(decision.who, candidates[index].key, choices.accesses[index]);
  if (const std::string& whom = candidates[index].asks_after; !whom.empty()) {
    meetings_.mark(life_meeting_id(whom));
  }
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
  loops_.moved(task.label, task.call.key, choices.moment.candidates[index].yields, living());
  task.last_key = task.call.key;
  if (!choices.moment.forced) {
    last_ = task.label;
    turn_ = choices.moment.candidates[index].turn;
  }
  if (task.first) observer_.began(task.label);
  trace_.told = task.first;
  trace_.looks = leave_no_trace(choices.accesses[index]);
  trace_.locks = is_lock_request(task.stopped.op) || is_unlock(task.stopped.op);
  const std::string& process = arena_->tasks().of_process(task.pid)->label;
  trace_.held = holders_.held_by(process);
  trace_.shared = holders_.shares(process, trace_.held);
  let_go(task);
}

void Scheduler::let_go(ScheduledTask& task) {
  const Op& op = task.stopped.op;
  if (op.sys == Sys::kSleep) return arena_->answer(task, 0);
  if (is_lock_request(op)) {
    holders_.asks(task.operation, lock_key(op));
    if (take_lock(op)) return arena_->answer(task, 0);
    if (probe_lock(op).answer == LockAnswer::kHeld) steps_.back().result = "it is held";
  }
  arena_->let_go(task);
}

void Scheduler::step_of_actor(Actor& actor) {
  Step& step = steps_.back();
  step.operation = actor.label;
  step.call = actor.call;
  loops_.disturbed();
  last_ = turn_ = actor.label;
  step.result = actor.act();
  arena_->note_names_changed();
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
  const std::vector<Access> accesses = accesses_of_death(locks_of(decision.who));
  causality_.add({decision.who, to_string(decision.act), accesses});
  meetings_.made(decision.who, to_string(decision.act), accesses);
  cause_ = {decision.who, std::string(to_string(decision.act))};
  loops_.disturbed();
  ++crashes_;
  crashed_ = decision.who;
  // A death is no switch: those whose turn it is go on, if any of them is left. Which of them ran
  // last, and whether he still lives, must make no difference, as deaths are moved to before steps.
  arena_->kill(decision.who, decision.act == Act::kCrashWithDescendants);
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
      trace_.told = true;
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
  const bool closes = note_closed();
  report_ends();
  if (steps_.empty() || steps_.back().end != 0) return;
  note_trace(closes);
  steps_.back().end = base::monotonic_ns();
  steps_.back().locks_held = holders_.any();
  observer_.stepped(steps_.back());
}

void Scheduler::note_trace(bool closes) {
  const ScheduledTask* task = arena_->tasks().by_label(steps_.back().decision.who);
  if (trace_.told || task == nullptr || task->state == State::kDead) return;
  trace_.traceless = trace_.looks && !closes;
  // What locks it took or lost, its death releases, but for those that others have, or had, too.
  const std::string process = arena_->tasks().of_process(task->pid)->label;
  trace_.held.merge(holders_.held_by(process));
  const bool shared = trace_.shared || holders_.shares(process, trace_.held);
  trace_.traceless_once_dead = trace_.traceless || ((trace_.looks || trace_.locks) && !shared);
}

std::vector<std::uint64_t> Scheduler::locks_of(std::string_view operation) const {
  return objects_of(holders_.held_within(operation));
}

/// Whoever asks for somebody's life is told something else from now on, and locks are released. The
/// end of a task is the work of the step that it ended by, its own or another's; where none is
/// under way it has ended by itself.
void Scheduler::note_ends() {
  for (const auto& [label, process, reaped] : lives_.changes(arena_->tasks())) {
    if (steps_.empty()) continue;
    std::vector<Access> changed = {life_of(process, Touch::kChanges)};
    for (const std::uint64_t lock : objects_of(holders_.held_by(label))) {
      changed.push_back({lock, Touch::kChanges});
    }
    const ScheduledTask& ended = *arena_->tasks().by_label(label);
    if (!reaped && shared_files_.has_any(label)) {
      changed.push_back(sharers_of(ended.operation, Touch::kAdds));
    }
    std::vector<Access> told = changed;
    if (!reaped && ended.label == ended.operation) told.push_back(all_programs(Touch::kAdds));
    if (reaped && is_in_step()) {
      causality_.add({steps_.back().decision.who, "reaped", told});
      note_made_by_step(changed);
    } else {
      note_unseen(ended, reaped ? "reaped" : "end", told, changed);
    }
  }
}

/// What a close does unseen: locks are released, or will be by others' closes alone.
bool Scheduler::note_closed() {
  std::map<std::string, std::vector<Access>> changed;  // by task
  for (const auto& [label, files] : holders_.look(arena_->tasks())) {
    for (const std::uint64_t lock : objects_of(files)) {
      changed[label].push_back({lock, Touch::kChanges});
    }
  }
  for (const std::string& label : shared_files_.look(arena_->tasks(), descriptors_)) {
    const ScheduledTask& closer = *arena_->tasks().by_label(label);
    changed[label].push_back(sharers_of(closer.operation, Touch::kAdds));
  }
  for (const auto& [label, all] : changed) {
    if (!steps_.empty()) note_unseen(*arena_->tasks().by_label(label), "lets go", all, all);
  }
  return !changed.empty();
}

bool Scheduler::is_in_step() const { return !steps_.empty() && steps_.back().end == 0; }

/// What a process does that is no call of its: it comes of the step that is under way.
void Scheduler::note_unseen(const ScheduledTask& task, std::string_view what,
                            const std::vector<Access>& told, const std::vector<Access>& changed) {
  const bool by_another = is_in_step() && steps_.back().decision.who != task.label;
  if (by_another) {
    causality_.wake(task.label, steps_.back().decision.who);
    meetings_.wake(task.label, steps_.back().decision.who);
  }
  causality_.add({task.label, what, told});
  if (is_in_step()) note_made_by_step(changed);
  if (!is_in_step() || by_another) meetings_.made(task.label, task.last_key, changed);
}

void Scheduler::note_made_by_step(const std::vector<Access>& changed) {
  meetings_.made(steps_.back().decision.who, steps_.back().call.key, changed);
  if (steps_.back().moment.forced) note_consequence(changed);
}

void Scheduler::report_ends() {
  for (const Arena::Ended& ended : arena_->take_ended()) {
    observer_.ended(ended.label, ended.status, ended.label == crashed_);
  }
  crashed_.clear();
}

}  // namespace stress
