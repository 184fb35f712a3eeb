// What a scheduler does, and says, where nobody can go on: who has the locks that are waited for.
#include <chrono>

#include <fmt/format.h>

#include "harness/schedule/scheduler.h"
#include "harness/supervise/lock_probe.h"

namespace stress {
namespace {

using namespace std::chrono_literals;
using State = ScheduledTask::State;

std::string holder_words(const std::string& label) {
  return label.empty() ? "somebody outside of the schedule" : label;
}

std::string standing_words(const ScheduledTask& task) {
  if (task.state == State::kParked) return "stands before: " + task.call.words;
  return task.look.empty() ? "moves" : "sleeps";
}

}  // namespace

std::string Scheduler::holder_for(const ScheduledTask& task) const {
  const Op& op = task.stopped.op;
  const pid_t process = probe_lock(op).holder;
  if (process != 0) {
    const ScheduledTask* holder = arena_->tasks().of_process(process);
    return holder == nullptr ? std::string() : holder->label;
  }
  // Whoever has not asked for it may have got it before the schedule.
  const LockKey file = lock_key(op);
  for (const auto& [label, other] : arena_->tasks().all()) {
    if (other->state != State::kDead && files_locked_by(other->pid, {file.ino}).contains(file)) {
      return label;
    }
  }
  return {};
}

std::string Scheduler::standings() const {
  std::string text;
  for (const auto& [label, task] : arena_->tasks().all()) {
    if (task->state == State::kDead || arena_->is_servers(*task)) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", label, standing_words(*task));
    if (task->state != State::kParked || !task->waits) continue;
    text += fmt::format(", which {} holds", holder_words(holder_for(*task)));
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
    holders_.asks(task->operation, lock_key(task->stopped.op));
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
