#include "harness/schedule/scheduler.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "harness/choice/choice.h"
#include "harness/schedule/access.h"
#include "harness/schedule/channels.h"
#include "harness/supervise/lock_probe.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using namespace std::chrono_literals;
using State = ScheduledTask::State;

/// So often in a row the same call, with nobody else between, and it counts as a loop that waits: a
/// file that is read piece by piece is none.
constexpr int kRepeats = 10;

bool meets_death(const ScheduledTask& task) {
  const Sys sys = task.stopped.op.sys;
  return sys == Sys::kLock || sys == Sys::kUnlock || sys == Sys::kSignal ||
         asked_about(task.stopped.op).has_value();
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

std::string holder_words(const std::string& label) {
  return label.empty() ? "somebody outside of the schedule" : label;
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

Scheduler::Choices Scheduler::look_for_choices() {
  Choices choices;
  choices.moment.step = steps_.size();
  choices.moment.traceless = traceless_;
  std::vector<ScheduledTask*> ready;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state != State::kParked) continue;
    task->accesses = accesses_of_step(*task);
    meetings_.stands_before(label, task->call.key, task->accesses);
    if (!waits(*task)) ready.push_back(task.get());
  }
  // Who has yielded in vain does so only where nobody else can do anything.
  const bool others = !std::ranges::all_of(
      ready, [this](const ScheduledTask* task) { return has_yielded_alone(*task); });
  if (others) std::erase_if(ready, [this](const auto* task) { return has_yielded_alone(*task); });
  ScheduledTask* at_once = who_goes_at_once(ready);
  choices.moment.forced = at_once != nullptr;
  if (at_once != nullptr) ready = {at_once};
  for (ScheduledTask* task : ready) {
    add_candidate(
        choices, task,
        {task->label, task->operation, task->call.key, 0, yields(*task), meets_death(*task)},
        task->accesses);
  }
  if (at_once != nullptr) return choices;
  for (const Actor& actor : actors_) {
    meetings_.stands_before(actor.label, actor.call.key, actor.accesses);
    add_candidate(choices, nullptr, {actor.label, actor.label, actor.call.key, 0, false, true},
                  actor.accesses);
  }
  choices.moment.held_up = is_anybody_held_up(ready);
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

bool Scheduler::is_anybody_held_up(const std::vector<ScheduledTask*>& ready) const {
  return std::ranges::any_of(arena_->tasks().all(), [&](const auto& entry) {
    const ScheduledTask& task = *entry.second;
    const bool could_matter = (task.label == last_ && task.state != State::kDead) ||
                              (setting_.sessions_at_once && is_apart(task));
    return could_matter && std::ranges::find(ready, &task) == ready.end();
  });
}

std::vector<Access> Scheduler::accesses_of_step(const ScheduledTask& task) const {
  if (task.first) return {};
  std::vector<Access> accesses = accesses_of(task.stopped.op);
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
  if (task != nullptr && last_ == task->label && task->last_key == candidate.key) {
    const int repeats = std::min(task->repeats, kRepeats);  // more make no difference to yields()
    candidate.state = Choice(candidate.state).of(static_cast<std::uint64_t>(repeats)).bits();
  }
  if (candidate.task == last_ && !candidate.yields) {
    choices.moment.last = choices.moment.candidates.size();
  }
  choices.moment.candidates.push_back(std::move(candidate));
  choices.tasks.push_back(task);
  choices.accesses.push_back(std::move(accesses));
  choices.keys.push_back(std::move(key));
}

void Scheduler::add_mortals(Moment& moment) {
  const std::vector<Access> accesses = accesses_of_death({locks_.begin(), locks_.end()});
  for (const auto& [label, task] : arena_->tasks().all()) {
    // Who has not begun yet, or has ended, is killed to no effect.
    if (task->label != task->operation || !arena_->is_running(label) || task->first ||
        arena_->is_servers(*task)) {
      continue;
    }
    Mortal mortal{.operation = label};
    mortal.state = causality_.after({label, to_string(Act::kCrash), accesses});
    for (const ScheduledTask* member : arena_->tasks().members_of(label)) {
      if (member->pid == task->pid) continue;
      mortal.has_descendants = mortal.has_descendants || getpgid(member->pid) == task->pid;
      mortal.is_heard =
          mortal.is_heard || are_joined(channels_of(task->pid), channels_of(member->pid));
    }
    moment.mortals.push_back(std::move(mortal));
  }
}

bool Scheduler::waits(ScheduledTask& task) {
  const bool waits_already = std::exchange(task.waits, false);
  if (task.first || !waits_for_lock(task.stopped.op)) return false;
  const std::uint64_t lock = lock_object(task.stopped.op);
  if (probe_lock(task.stopped.op).answer != LockAnswer::kHeld) {
    for (const std::uint64_t call : holders_.found_free(lock)) meetings_.mark(call);
    return false;
  }
  if (!waits_already) (void)begin_waiting(task.stopped.op);
  return task.waits = true;
}

bool Scheduler::yields(const ScheduledTask& task) const {
  return task.stopped.op.sys == Sys::kSleep ||
         (task.repeats >= kRepeats && task.call.key == task.last_key);
}

bool Scheduler::has_yielded_alone(const ScheduledTask& task) const {
  return yields(task) && task.slept_alone;
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

std::string Scheduler::sharer_of(const LockKey& file) const {
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state != State::kDead && shares_lock(task->pid, file)) return label;
  }
  return {};
}

/// Whoever took it may have closed it, and somebody else have it still.
std::string Scheduler::holder_for(const ScheduledTask& task) const {
  const Op& op = task.stopped.op;
  std::string taker = holders_.holder_of(lock_object(op));
  const ScheduledTask* known = arena_->tasks().by_label(taker);
  const pid_t process = probe_lock(op).holder;
  const LockKey file = lock_key(op);
  if (process == 0) {
    return known != nullptr && shares_lock(known->pid, file) ? taker : sharer_of(file);
  }
  if (known != nullptr && known->pid == process) return taker;
  for (const auto& [label, other] : arena_->tasks().all()) {
    if (other->state != State::kDead && other->pid == process) return label;
  }
  return {};
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

std::string Scheduler::standings() const {
  std::string text;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state == State::kDead || arena_->is_servers(*task)) continue;
    const bool parked = task->state == State::kParked;
    text += fmt::format(
        "{}{} {}{}", text.empty() ? "" : "; ", label,
        parked ? "stands before: " + task->call.words : "sleeps (" + task->look + ")",
        parked && task->waits ? fmt::format(", which {} holds", holder_words(holder_for(*task)))
                              : "");
  }
  return text;
}

bool Scheduler::wait_for_outside() {
  const auto begun = std::chrono::steady_clock::now();
  bool released = false;
  while (std::chrono::steady_clock::now() - begun < setting_.stuck_after) {
    if (arena_->wait_for_motion(2ms)) return true;
    bool any_waits = false;
    for (const auto& [label, task] : arena_->tasks().all()) {
      if (task->state != State::kParked) continue;
      if (!waits(*task)) return true;
      any_waits = true;
    }
    // Nobody whom we hold back has the lock for long; so let the programs' own patience decide.
    constexpr auto kTransient = 200ms;
    if (any_waits && !released && std::chrono::steady_clock::now() - begun > kTransient) {
      tell_deadlock();
      release_waiters();
      released = true;
      if (!arena_->any_running()) return true;
    }
  }
  if (!released) tell_deadlock();
  return false;
}

/// One after the other, so that it is the same one each time whom the kernel refuses.
void Scheduler::release_waiters() {
  std::vector<ScheduledTask*> waiting;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state == State::kParked) waiting.push_back(task.get());
  }
  for (ScheduledTask* task : waiting) {
    if (task->state != State::kParked || !waits(*task)) return;
    arena_->let_go(*task);
    (void)arena_->settle();
  }
}

void Scheduler::tell_deadlock() {
  deadlock_.clear();
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state == State::kParked && task->waits) {
      deadlock_.push_back(fmt::format("{} waits for {}, which {} holds", label, task->call.file,
                                      holder_words(holder_for(*task))));
    } else if (task->state == State::kRunning && !arena_->is_servers(*task)) {
      deadlock_.push_back(fmt::format("{} ({}) sleeps, and nobody wakes it", label, task->program));
    }
  }
}

}  // namespace stress
