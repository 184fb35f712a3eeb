#include "harness/schedule/arena.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "harness/schedule/stillness.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/clock.h"

// Linux 6.6; not yet in Debian 12's headers.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace stress {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using State = ScheduledTask::State;

constexpr int kYields = 2;
constexpr auto kShortest = 100us;
constexpr int kDoublings = 3;
/// Where the machine has other work, time goes by in which nobody here had a turn. A free one looks
/// ten times as often in the time that stillness is waited for.
constexpr int kLooksMin = 1000;
/// Timers ring late.
constexpr std::int64_t kNapMargin = 50'000'000;

/// On one processor whoever was let go runs while we yield, mostly to his next call. Who takes
/// longer is waited for.
std::chrono::microseconds wait_before(int look) {
  if (look < kYields) {
    sched_yield();
    return 0us;
  }
  return kShortest * (1 << std::min(look - kYields, kDoublings));
}

}  // namespace

Arena::~Arena() { end(); }

base::Status Arena::launch(const std::string& label, const LaunchSpec& spec, Role role) {
  base::Result<Launched> launched = stress::launch(spec, setting_.filter, setting_.join_fd);
  if (!launched) return std::unexpected(launched.error());
  std::uint64_t sync = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
  ioctl(launched->listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, sync);  // where the kernel has it
  roots_.push_back(std::make_unique<Root>(label, std::move(*launched), role));
  ScheduledTask& task = tasks_.add_root(label, roots_.size() - 1, roots_.back()->launched.pid);
  task.first = true;
  return {};
}

bool Arena::somebody_runs() const {
  return std::ranges::any_of(tasks_.all(),
                             [](const auto& entry) {
                               return entry.second->state == State::kRunning ||
                                      entry.second->exiting || entry.second->forked;
                             }) ||
         std::ranges::any_of(roots_, [this](const auto& root) { return is_ending(*root); });
}

/// All its threads are gone, and it is about to be reaped.
bool Arena::is_ending(const Root& root) const {
  return !root.reaped && std::ranges::none_of(tasks_.all(), [&](const auto& entry) {
    return entry.second->pid == root.launched.pid && entry.second->state != State::kDead;
  });
}

/// Parked tasks that a signal has woken, and that have not got to what it means to them: their end,
/// or a handler and the same call again. Looked for where there may have been a signal.
bool Arena::somebody_stirs() {
  const bool servers =
      std::ranges::any_of(roots_, [](const auto& root) { return root->role == Role::kServer; });
  if (!servers && !signals_ && deaths_seen_ == tasks_.deaths()) return false;
  const bool stirs = std::ranges::any_of(tasks_.all(), [](const auto& entry) {
    return entry.second->state == State::kParked && is_awake(entry.second->tid);
  });
  if (!stirs) {
    signals_ = false;
    deaths_seen_ = tasks_.deaths();
  }
  return stirs;
}

/// Parked tasks that somebody has killed, or whose process executes another program by now.
bool Arena::look_for_vanished() {
  bool any = false;
  for (const auto& [label, task] : tasks_.all()) {
    if (task->state != State::kParked || task->stopped.still_there()) continue;
    task->state = State::kRunning;
    task->look.clear();
    any = true;
  }
  return any;
}

bool Arena::settle() {
  int in_vain = 0;
  int looks = 0;  // since somebody moved
  auto moved_at = Clock::now();
  // Who is asleep at his call when all others are has no signal under way: so that comes first.
  while (somebody_runs() || somebody_stirs() || look_for_vanished()) {
    if (poll_once(wait_before(in_vain))) {
      in_vain = looks = 0;
      moved_at = Clock::now();
      continue;
    }
    const Look look = look_around();
    if (look == Look::kStill && !somebody_stirs() && !look_for_vanished()) return true;
    if (++looks >= kLooksMin && Clock::now() - moved_at > setting_.patience) return false;
    in_vain = look == Look::kAlmost ? 0 : in_vain + 1;
  }
  return true;
}

Arena::Look Arena::look_around() {
  bool moves = false;
  bool slept = false;
  for (const auto& [label, task] : tasks_.all()) {
    if (task->state != State::kRunning) continue;
    switch (look_at(*task)) {
      case Motion::kMoves:
        if (task->in_fork) tasks_.look_for_children_of(*task);
        moves = true;
        break;
      case Motion::kSlept:
        slept = true;
        break;
      case Motion::kGone:
        tasks_.bury(*task);
        slept = true;
        break;
      case Motion::kSleeps:
        break;
    }
    if (task->naps_until != 0 && task->state == State::kRunning) {
      moves = moves || base::monotonic_ns() < task->naps_until + kNapMargin;
    }
  }
  // A launched program's end comes by its own descriptor.
  const auto ends = [this](const auto& root) { return is_ending(*root); };
  if (moves || std::ranges::any_of(roots_, ends)) return Look::kMoves;
  return slept || tasks_.look_for_new() ? Look::kAlmost : Look::kStill;
}

bool Arena::wait_for_motion(std::chrono::milliseconds slice) {
  if (!poll_once(slice)) return false;
  (void)settle();
  return true;
}

bool Arena::poll_once(std::chrono::microseconds timeout) {
  polled_.clear();
  for (const auto& root : roots_) {
    polled_.push_back({root->launched.listener.get(), POLLIN, 0});
    polled_.push_back({root->reaped ? -1 : root->launched.pidfd.get(), POLLIN, 0});
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec wait{seconds.count(), std::chrono::nanoseconds(timeout - seconds).count()};
  if (ppoll(polled_.data(), polled_.size(), &wait, nullptr) <= 0) return false;
  bool any = false;
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    if ((polled_[2 * i].revents & POLLIN) != 0) {
      receive(i);
      any = true;
    } else if ((polled_[2 * i].revents & POLLHUP) != 0) {  // no task of this launch is left
      roots_[i]->launched.listener.reset();
    }
    if ((polled_[2 * i + 1].revents & POLLIN) != 0) any = reap(*roots_[i]) || any;
  }
  return any;
}

void Arena::let_go(ScheduledTask& task) {
  task.state = State::kRunning;
  task.first = false;
  signals_ = signals_ || task.stopped.op.sys == Sys::kSignal;
  note_names(task.stopped.op);
  task.stopped.go_on();
}

void Arena::answer(ScheduledTask& task, std::uint64_t value) {
  task.state = State::kRunning;
  if (!task.stopped.return_value(value)) task.stopped.go_on();
}

bool Arena::reap(Root& root) {
  int status = 0;
  if (root.reaped || waitpid(root.launched.pid, &status, WNOHANG) != root.launched.pid) {
    return false;
  }
  disown_child(root.launched.pid);
  root.reaped = true;
  bury_dead_of(root);
  if (root.role == Role::kProgram) ended_.push_back({root.label, status});
  return true;
}

void Arena::bury_dead_of(const Root& root) {
  for (ScheduledTask* task : tasks_.members_of(root.label)) {
    const bool of_root = task->pid == root.launched.pid;
    if (of_root || look_at(*task) == Motion::kGone) tasks_.bury(*task);
  }
}

bool Arena::kill(const std::string& label, bool with_descendants) {
  Root* root = root_of(label);
  if (root == nullptr || root->reaped) return false;
  // Whom it has made so far cannot be told any more once it is dead.
  (void)tasks_.look_for_new();
  std::vector<pid_t> doomed = {root->launched.pid};
  for (ScheduledTask* task : tasks_.members_of(label)) {
    if (with_descendants && getpgid(task->pid) == root->launched.pid) doomed.push_back(task->pid);
  }
  signals_ = true;
  std::vector<base::UniqueFd> deaths;
  deaths.reserve(doomed.size());
  for (const pid_t pid : doomed) {
    deaths.emplace_back(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  }
  if (with_descendants) {
    // The unreaped root keeps the group's number from being used again.
    ::kill(-root->launched.pid, SIGKILL);
  } else {
    syscall(SYS_pidfd_send_signal, root->launched.pidfd.get(), SIGKILL, nullptr, 0);
  }
  for (const base::UniqueFd& death : deaths) {
    pollfd dead{death.get(), POLLIN, 0};
    if (death.valid()) poll(&dead, 1, kDeathMs);
  }
  return reap(*root);
}

Arena::Root* Arena::root_of(std::string_view label) {
  const auto found = std::ranges::find_if(
      roots_, [&](const std::unique_ptr<Root>& root) { return root->label == label; });
  return found == roots_.end() ? nullptr : found->get();
}

std::vector<Arena::Ended> Arena::take_ended() { return std::exchange(ended_, {}); }

bool Arena::is_running(std::string_view label) const {
  return std::ranges::any_of(
      roots_, [&](const auto& root) { return root->label == label && !root->reaped; });
}

bool Arena::any_running() const {
  return std::ranges::any_of(
      roots_, [](const auto& root) { return root->role == Role::kProgram && !root->reaped; });
}

}  // namespace stress
