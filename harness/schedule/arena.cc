#include "harness/schedule/arena.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <span>

#include <fmt/format.h>

#include "harness/choice/choice.h"
#include "harness/schedule/call_words.h"
#include "harness/schedule/stillness.h"
#include "harness/supervise/decode.h"
#include "harness/supervise/effects.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"
#include "harness/supervise/watched.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"

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
constexpr int kDeathMs = 30'000;
/// Timers ring late.
constexpr std::int64_t kNapMargin = 50'000'000;

bool is_random_device(const std::string& path) {
  return path == "/dev/urandom" || path == "/dev/random";
}

/// On one processor whoever was let go runs while we yield, mostly to his next call. Who takes
/// longer is waited for.
std::chrono::microseconds wait_before(int look) {
  if (look < kYields) {
    sched_yield();
    return 0us;
  }
  return kShortest * (1 << std::min(look - kYields, kDoublings));
}

/// Whether a SIGKILL is under way to it, as any signal that ends a process becomes one.
bool is_doomed(pid_t tid) {
  const std::string status = base::read_file(fmt::format("/proc/{}/status", tid)).value_or("");
  constexpr std::string_view kPending = "\nSigPnd:\t";
  const std::size_t at = status.find(kPending);
  if (at == std::string::npos) return true;
  const std::uint64_t pending = std::strtoull(status.c_str() + at + kPending.size(), nullptr, 16);
  return (pending >> (SIGKILL - 1) & 1) != 0;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

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

bool Arena::has_vanished(const ScheduledTask& task) const {
  // Signals first: who is not doomed now is so no more, as nobody moves.
  return (signals_ && is_doomed(task.tid)) || !task.stopped.still_there();
}

/// Parked tasks that somebody has killed, or whose process executes another program by now.
bool Arena::look_for_vanished() {
  bool any = false;
  for (const auto& [label, task] : tasks_.all()) {
    if (task->state != State::kParked || !has_vanished(*task)) continue;
    task->state = State::kRunning;
    task->look.clear();
    any = true;
  }
  signals_ = signals_ && any;
  return any;
}

bool Arena::settle() {
  int in_vain = 0;
  auto moved_at = Clock::now();
  while (somebody_runs() || look_for_vanished()) {
    if (poll_once(wait_before(in_vain))) {
      in_vain = 0;
      moved_at = Clock::now();
      continue;
    }
    const Look look = look_around();
    if (look == Look::kStill && !look_for_vanished()) return true;
    if (Clock::now() - moved_at > setting_.patience) return false;
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

void Arena::receive(std::size_t index) {
  Root& root = *roots_[index];
  Stopped stopped;
  stopped.listener = root.launched.listener.get();
  if (ioctl(stopped.listener, SECCOMP_IOCTL_NOTIF_RECV, &stopped.notification) != 0) return;
  if (const auto kind = blind_spot_kind(stopped.notification.data)) {
    std::optional<BlindSpot> spot = look_at_blind_spot(*kind, stopped.notification, root.tasks);
    if (spot && stopped.still_there()) blind_spots_.add(std::move(*spot));
    if (kind == BlindSpot::Kind::kSharedMapping) {
      stopped.go_on();
    } else {
      (void)stopped.respond(ENOSYS, 0);
    }
    return;
  }
  handle(root, index, stopped);
}

void Arena::handle(Root& root, std::size_t index, Stopped stopped) {
  const std::optional<Op> first = glance(stopped.notification, root.tasks);
  if (!first) return stopped.go_on();
  ScheduledTask* task = tasks_.find(first->tid);
  if (task == nullptr) return stopped.go_on();
  task->in_fork = false;
  task->naps_until = 0;
  task->state = State::kRunning;  // if it was parked, it has been taken from there
  const bool by_name = first->sys == Sys::kOpen || first->sys == Sys::kLook;
  const bool by_descriptor = first->sys == Sys::kRead || first->sys == Sys::kWrite;
  const bool elsewhere =
      first->sys == Sys::kSync || first->sys == Sys::kSend ||
      (by_descriptor && !is_relevant(*first, root.role) && !is_random_device(first->path));
  if (elsewhere) return stopped.go_on();
  // A link may lead into a watched folder from anywhere, but for the places of the system.
  if (by_name && !is_relevant(*first, root.role)) {
    static const std::vector<std::filesystem::path> kSystem = {"/usr",  "/lib", "/lib64", "/etc",
                                                               "/proc", "/sys", "/dev"};
    if (is_watched(first->path, kSystem)) return stopped.go_on();
  }
  std::optional<Op> op = decode(stopped.notification, root.tasks, static_cast<std::uint32_t>(index),
                                root.launched.pid);
  if (!op || !stopped.still_there()) return stopped.go_on();
  stopped.op = std::move(*op);
  if (handle_unobserved(*task, stopped)) return;
  park(*task, stopped);
}

bool Arena::handle_unobserved(ScheduledTask& task, const Stopped& stopped) {
  const Op& op = stopped.op;
  if (op.sys == Sys::kRandom || (op.sys == Sys::kRead && is_random_device(op.path))) {
    const std::uint64_t seed = Choice(setting_.seed).of(task.label).of(++task.random_reads).bits();
    if (!fill_random(op, seed) || !stopped.return_value(std::min(op.bytes, kRandomBytesMax))) {
      stopped.go_on();
    }
    return true;
  }
  if (op.sys == Sys::kFork) tasks_.begin_fork(task, (op.flags & CLONE_THREAD) != 0);
  if (op.sys == Sys::kExit) begin_exit(task, op);
  if (op.sys == Sys::kExec && !task.first) task.program = base_name(op.path);
  // What a server does for itself is no step; what it runs is.
  const bool by_server = is_servers(task) && task.pid == roots_[task.root]->launched.pid;
  if (by_server) {
    stopped.go_on();
    return true;
  }
  const bool parks = (op.sys == Sys::kExec && task.first) ||
                     is_relevant(op, roots_[task.root]->role) ||
                     (op.sys == Sys::kSleep && !tasks_.is_threaded(task));
  if (parks) return false;
  // A longer one is as good as none: whoever waits for it waits for somebody to end it.
  if (op.sys == Sys::kSleep && op.sleep < setting_.patience / 2) {
    task.naps_until = base::monotonic_ns() + op.sleep.count();
  }
  stopped.go_on();
  return true;
}

bool Arena::is_relevant(const Op& op, Role role) const {
  const auto watched = [&](const std::string& path) { return is_watched(path, setting_.watched); };
  switch (op.sys) {
    case Sys::kLock:
    case Sys::kUnlock:
      return true;
    case Sys::kSignal:
      return role == Role::kProgram;
    case Sys::kConnect:
      return is_watched(op.path, setting_.sockets) || watched(op.path);
    case Sys::kOpen:
    case Sys::kRead:
    case Sys::kLook:
    case Sys::kWrite:
    case Sys::kTruncate:
    case Sys::kMode:
    case Sys::kUnlink:
    case Sys::kFolder:
      return watched(op.path);
    case Sys::kRename:
    case Sys::kLink:
      return watched(op.path) || watched(op.path2);
    default:
      return false;
  }
}

/// All threads of its process end with it, wherever they stand.
void Arena::begin_exit(ScheduledTask& task, const Op& op) {
  tasks_.look_for_children_of(task);
  task.exiting = true;
  for (ScheduledTask* other : tasks_.members_of(task.operation)) {
    if (other->pid == op.pid && other->state == State::kParked) tasks_.bury(*other);
  }
}

void Arena::park(ScheduledTask& task, Stopped stopped) {
  CallWords call = words_of(stopped.op, setting_.watched);
  if (task.first) {
    task.program = base_name(stopped.op.path);
    call = {.key = "start", .words = "start " + task.program, .kind = "exec"};
  }
  task.call = std::move(call);
  task.stopped = std::move(stopped);
  task.look.clear();
  task.state = State::kParked;
}

void Arena::let_go(ScheduledTask& task) {
  signals_ = signals_ || task.stopped.op.sys == Sys::kSignal;
  task.state = State::kRunning;
  task.first = false;
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
  signals_ = true;  // others may have asked to hear of it by one
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

void Arena::free_all() {
  for (const auto& [label, task] : tasks_.all()) {
    task->first = false;  // a server's start is nobody's step
    if (task->state == State::kParked) let_go(*task);
  }
  start_serving();
}

void Arena::start_serving() {
  server_wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  server_ = std::jthread([this, wake = server_wake_.get()](const std::stop_token& stop) {
    serve_freely(stop, false, wake);
  });
}

void Arena::stop_serving() {
  if (!server_.joinable()) return;
  server_.request_stop();
  eventfd_write(server_wake_.get(), 1);
  server_.join();
}

void Arena::while_servers_run(const std::function<void()>& talk) {
  const base::UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::jthread server(
      [this, fd = wake.get()](const std::stop_token& stop) { serve_freely(stop, true, fd); });
  talk();
  server.request_stop();
  eventfd_write(wake.get(), 1);
  server.join();
}

void Arena::serve_freely(const std::stop_token& stop, bool servers_only, int wake) const {
  std::vector<pollfd> listeners = {{wake, POLLIN, 0}};
  for (const auto& root : roots_) {
    if (servers_only && root->role != Role::kServer) continue;
    listeners.push_back({root->launched.listener.get(), POLLIN, 0});
  }
  while (!stop.stop_requested()) {
    if (poll(listeners.data(), listeners.size(), -1) <= 0) continue;
    for (pollfd& listener : std::span(listeners).subspan(1)) {
      if ((listener.revents & POLLIN) != 0) {
        Stopped stopped;
        stopped.listener = listener.fd;
        const int got = ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_RECV, &stopped.notification);
        if (got == 0) stopped.go_on();
      } else if ((listener.revents & POLLHUP) != 0) {
        listener.fd = -1;
      }
    }
  }
}

void Arena::rule(std::function<void(const ScheduledTask&, std::string_view)> on_new) {
  tasks_.on_new({});
  const auto begun = Clock::now();
  do {  // a pane that was closed takes a moment to be gone, and would shift the labels of the next
    look_again();
    if (tasks_.only_settlers()) break;
    std::this_thread::sleep_for(kShortest);
  } while (Clock::now() - begun < setting_.patience);
  stop_serving();
  tasks_.on_new(std::move(on_new));
}

void Arena::look_again() {
  tasks_.forget_dead();
  tasks_.look_for_new_everywhere();
}

void Arena::settle_servers() {
  look_again();
  tasks_.settle_here();
}

void Arena::kill_tasks(bool servers_too) {
  for (const auto& [label, task] : tasks_.all()) {
    if (task->state == State::kDead || task->tid != task->pid || task->born == 0) continue;
    if (!servers_too && is_servers(*task)) continue;
    const base::UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, task->pid, 0)));
    const auto stat = read_stat(task->pid);
    if (!process.valid() || !stat || stat->start_ticks != task->born) continue;
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    pollfd dead{process.get(), POLLIN, 0};
    poll(&dead, 1, kDeathMs);
  }
  for (const auto& root : roots_) {
    if (root->reaped || (root->role == Role::kServer && !servers_too)) continue;
    ::kill(root->launched.pid, SIGKILL);
    waitpid(root->launched.pid, nullptr, 0);
    disown_child(root->launched.pid);
    root->reaped = true;
  }
}

void Arena::end_programs() {
  stop_serving();
  kill_tasks(false);
  tasks_.forget([this](const ScheduledTask& task) { return !is_servers(task); });
  // Servers were launched first, so their tasks' root numbers stay.
  std::erase_if(roots_, [](const auto& root) { return root->role == Role::kProgram; });
  ended_.clear();
  free_all();
}

void Arena::end() {
  stop_serving();
  kill_tasks(true);
  roots_.clear();
  tasks_.forget([](const ScheduledTask&) { return true; });
  ended_.clear();
}

}  // namespace stress
