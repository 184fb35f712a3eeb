// What a call that stops means to the arena: whether it goes on at once, is answered, or parks.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "harness/choice/choice.h"
#include "harness/schedule/arena.h"
#include "harness/schedule/call_words.h"
#include "harness/schedule/lives.h"
#include "harness/schedule/stillness.h"
#include "harness/supervise/decode.h"
#include "harness/supervise/effects.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/watched.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

using State = ScheduledTask::State;

bool is_random_device(const std::string& path) {
  return path == "/dev/urandom" || path == "/dev/random";
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

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

/// Of a call that is about to be made.
void Arena::note_names(const Op& op) {
  const bool makes = op.sys == Sys::kOpen && (op.flags & O_CREAT) != 0;
  const bool moves = op.sys == Sys::kRename || op.sys == Sys::kLink || op.sys == Sys::kUnlink ||
                     op.sys == Sys::kFolder;
  if (makes || moves) note_names_changed();
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
    note_names(op);
    stopped.go_on();
    return true;
  }
  if (op.sys == Sys::kSleep && !tasks_.is_threaded(task) && outlasts_a_child(task)) {
    if (!stopped.return_value(0)) stopped.go_on();
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
  note_names(op);
  stopped.go_on();
  return true;
}

bool Arena::is_relevant(const Op& op, Role role) const {
  if (const auto process = asked_about(op)) {
    return *process != op.pid && tasks_.of_process(*process) != nullptr;
  }
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

/// Between a child's last word and its death (its files are closed before) nobody decides who runs.
/// Whether a parent looked for the death within that time, and sleeps for a moment as there was
/// none yet, is luck. So the death is waited for, and the parent, who would look again, has not
/// slept: once for each child that it has not collected.
bool Arena::outlasts_a_child(const ScheduledTask& sleeper) {
  bool any = false;
  for (ScheduledTask* child : tasks_.children_of(sleeper)) {
    if (child->mourned || !is_ending(*child)) continue;
    const base::UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, child->pid, 0)));
    pollfd death{process.get(), POLLIN, 0};
    if (process.valid() && poll(&death, 1, kDeathMs) != 1) continue;
    for (ScheduledTask* thread : tasks_.threads_of(child->pid)) tasks_.bury(*thread);
    child->mourned = any = true;
  }
  return any;
}

/// Or has ended, and its parent has not collected it.
bool Arena::is_ending(const ScheduledTask& task) const {
  const auto stat = read_stat(task.pid);
  if (!stat || (task.born != 0 && stat->start_ticks != task.born)) return false;
  return stat->dead() || is_doomed(task.tid) ||
         std::ranges::any_of(tasks_.threads_of(task.pid), &ScheduledTask::exiting);
}

void Arena::park(ScheduledTask& task, Stopped stopped) {
  CallWords call = words_of(stopped.op, setting_.watched, setting_.tmux_socket);
  if (const auto process = asked_about(stopped.op)) {
    const ScheduledTask* asked = tasks_.of_process(*process);
    call = words_of_life(asked != nullptr ? asked->label : "somebody else");
  }
  if (task.first) {
    task.program = base_name(stopped.op.path);
    call = {.key = "start", .words = "start " + task.program, .kind = "exec"};
  }
  task.call = std::move(call);
  task.stopped = std::move(stopped);
  task.look.clear();
  task.touches_at.reset();
  task.state = State::kParked;
}

}  // namespace stress
