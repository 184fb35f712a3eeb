#include "harness/schedule/task_table.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "harness/supervise/proc_folder.h"
#include "harness/supervise/process_table.h"
#include "orchestrator/base/file_io.h"

namespace stress {
namespace {

/// The numbers in a small text of /proc.
std::vector<pid_t> numbers_in(const std::string& text) {
  std::vector<pid_t> numbers;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    pid_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc{}) numbers.push_back(number);
    at = error == std::errc{} ? next : at + 1;
  }
  return numbers;
}

std::vector<pid_t> thread_ids_of(pid_t pid) {
  return ProcFolder(fmt::format("/proc/{}/task", pid)).numbers();
}

/// In the order in which they were made: numbers are given upwards from the maker's, and around.
void in_order_of_birth(std::vector<pid_t>& tids, pid_t maker) {
  std::ranges::sort(tids, {}, [maker](pid_t tid) { return std::pair(tid < maker, tid); });
}

}  // namespace

ScheduledTask& TaskTable::add_root(const std::string& label, std::size_t root, pid_t pid) {
  auto task = std::make_unique<ScheduledTask>();
  task->label = task->operation = label;
  task->root = root;
  task->tid = task->pid = pid;
  ScheduledTask& added = *task;
  tasks_[label] = std::move(task);
  by_tid_[pid] = &added;
  if (on_new_) on_new_(added, {});
  return added;
}

ScheduledTask& TaskTable::add(std::string label, const ScheduledTask& maker, pid_t tid, pid_t pid) {
  auto task = std::make_unique<ScheduledTask>();
  task->label = std::move(label);
  task->operation = maker.operation;
  task->root = maker.root;
  task->program = maker.program;
  task->tid = tid;
  task->pid = pid;
  if (const auto stat = read_stat(tid)) task->born = stat->start_ticks;
  ScheduledTask& added = *task;
  tasks_[added.label] = std::move(task);
  by_tid_[tid] = &added;
  if (on_new_) on_new_(added, maker.label);
  return added;
}

/// The last of them has the number of its maker's last call, where that was counted.
void TaskTable::add_made(ScheduledTask& maker, const std::vector<pid_t>& tids, bool threads,
                         bool counted) {
  int& last = threads ? maker.threads : maker.children;
  int number = last;
  if (counted) number = std::max(threads ? 1 : 0, last - static_cast<int>(tids.size()));
  for (const pid_t tid : tids) {
    std::string label;
    do {
      label = fmt::format("{}{}{}", maker.label, threads ? '/' : '.', ++number);
    } while (tasks_.contains(label));
    add(std::move(label), maker, tid, threads ? maker.pid : tid);
    maker.has_made = true;
  }
  last = std::max(last, number);
}

bool TaskTable::look_at_threads_of(ScheduledTask& maker, bool counted) {
  std::vector<pid_t> tids = thread_ids_of(maker.pid);
  std::erase_if(tids, [this](pid_t tid) { return by_tid_.contains(tid); });
  in_order_of_birth(tids, maker.tid);
  add_made(maker, tids, true, counted);
  return !tids.empty();
}

bool TaskTable::look_at_children_of(ScheduledTask& maker, bool counted) {
  const std::string path = fmt::format("/proc/{}/task/{}/children", maker.pid, maker.tid);
  std::vector<pid_t> pids = numbers_in(base::read_file(path).value_or(""));
  std::erase_if(pids, [this](pid_t pid) { return by_tid_.contains(pid); });
  // Who is a zombie by now, and was never heard of, has touched nothing.
  std::erase_if(pids, [](pid_t pid) {
    const auto stat = read_stat(pid);
    return !stat || stat->dead();
  });
  in_order_of_birth(pids, maker.tid);
  add_made(maker, pids, false, counted);
  return !pids.empty();
}

void TaskTable::look_for_children_of(ScheduledTask& maker) {
  if (!maker.forked) return;
  look_at_threads_of(maker);
  look_at_children_of(maker);
}

void TaskTable::begin_fork(ScheduledTask& maker, bool thread) {
  look_for_children_of(maker);  // of its last call, so that there is one of each call at most
  maker.forked = maker.in_fork = true;
  maker.has_made = false;
  ++(thread ? maker.threads : maker.children);
}

bool TaskTable::look_for_new(bool counted) {
  std::vector<ScheduledTask*> makers;
  for (const auto& [label, task] : tasks_) {
    if (task->forked && task->state != ScheduledTask::State::kDead) makers.push_back(task.get());
  }
  bool found = false;
  for (ScheduledTask* maker : makers) {
    // Who is still in its fork will have made the child when it is next seen to stand still.
    maker->forked = false;
    found = look_at_threads_of(*maker, counted) || found;
    found = look_at_children_of(*maker, counted) || found;
  }
  return found;
}

ScheduledTask* TaskTable::find(pid_t tid) {
  const auto known = by_tid_.find(tid);
  if (known != by_tid_.end()) return known->second;
  // Its maker's forks are not looked for yet.
  for (const auto& [label, task] : tasks_) {
    if (task->state != ScheduledTask::State::kDead) look_for_children_of(*task);
    const auto found = by_tid_.find(tid);
    if (found != by_tid_.end()) return found->second;
  }
  return nullptr;
}

const ScheduledTask* TaskTable::of_process(pid_t pid) const {
  const ScheduledTask* latest = nullptr;
  for (const auto& [label, task] : tasks_) {
    if (task->tid != pid || task->pid != pid) continue;
    if (latest == nullptr || latest->born < task->born) latest = task.get();
  }
  return latest;
}

ScheduledTask* TaskTable::by_label(std::string_view label) {
  const auto found = tasks_.find(label);
  return found == tasks_.end() ? nullptr : found->second.get();
}

bool TaskTable::is_threaded(const ScheduledTask& task) const {
  return std::ranges::any_of(tasks_, [&](const auto& entry) {
    return entry.second->pid == task.pid && entry.second->tid != task.tid &&
           entry.second->state != ScheduledTask::State::kDead;
  });
}

std::vector<ScheduledTask*> TaskTable::members_of(std::string_view operation) const {
  std::vector<ScheduledTask*> members;
  for (const auto& [label, task] : tasks_) {
    if (task->operation == operation && task->state != ScheduledTask::State::kDead) {
      members.push_back(task.get());
    }
  }
  return members;
}

std::vector<ScheduledTask*> TaskTable::children_of(const ScheduledTask& maker) const {
  const std::string prefix = maker.label + ".";
  std::vector<ScheduledTask*> children;
  for (const auto& [label, task] : tasks_) {
    const bool made =
        label.starts_with(prefix) && label.find_first_of("./", prefix.size()) == std::string::npos;
    if (made) children.push_back(task.get());
  }
  return children;
}

std::vector<ScheduledTask*> TaskTable::threads_of(pid_t pid) const {
  std::vector<ScheduledTask*> threads;
  for (const auto& [label, task] : tasks_) {
    if (task->pid == pid && task->state != ScheduledTask::State::kDead) {
      threads.push_back(task.get());
    }
  }
  return threads;
}

void TaskTable::bury(ScheduledTask& task) {
  ++deaths_;
  task.state = ScheduledTask::State::kDead;
  task.exiting = task.forked = false;
  const auto known = by_tid_.find(task.tid);
  if (known != by_tid_.end() && known->second == &task) by_tid_.erase(known);
}

void TaskTable::forget(const std::function<bool(const ScheduledTask&)>& whom) {
  std::erase_if(by_tid_, [&](const auto& entry) { return whom(*entry.second); });
  std::erase_if(tasks_, [&](const auto& entry) { return whom(*entry.second); });
}

void TaskTable::forget_dead() {
  forget([](const ScheduledTask& task) {
    if (task.state == ScheduledTask::State::kDead) return true;
    const auto stat = read_stat(task.tid);
    return !stat || stat->dead() || (task.born != 0 && stat->start_ticks != task.born);
  });
  for (const auto& [label, task] : tasks_) {
    task->random_reads = 0;
    task->children = 0;
    for (const auto& [other, made] : tasks_) {
      if (!other.starts_with(label + ".")) continue;
      for (const pid_t number : numbers_in(other.substr(label.size() + 1))) {
        task->children = std::max(task->children, static_cast<int>(number));
        break;
      }
    }
  }
}

void TaskTable::look_for_new_everywhere() {
  bool found = true;
  while (found) {
    for (const auto& [label, task] : tasks_) task->forked = true;
    found = look_for_new(false);
  }
}

void TaskTable::settle_here() {
  settlers_.clear();
  for (const auto& [tid, task] : by_tid_) settlers_.insert(tid);
}

bool TaskTable::only_settlers() const {
  return std::ranges::all_of(by_tid_,
                             [&](const auto& entry) { return settlers_.contains(entry.first); });
}

}  // namespace stress
