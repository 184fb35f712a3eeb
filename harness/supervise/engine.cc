#include "harness/supervise/engine.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "harness/supervise/command_kill.h"
#include "harness/supervise/decode.h"
#include "harness/supervise/early_exit.h"
#include "harness/supervise/effects.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"

// Linux 6.6; not yet in Debian 12's headers.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace stress {
namespace {

constexpr std::uint64_t kWakeKey = ~0ull;
constexpr std::uint64_t kListenerBit = 1ull << 32;  // else: the root's pidfd

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

struct Engine::Root {
  std::uint32_t number = 0;
  Launched launched;
  Tasks tasks;
  bool reaped = false;
  bool group_over = false;  ///< reaped, and nobody is left of its process group
  /// Tasks whose call was let run and whose next stop is the end of the root: KillAfter.
  std::map<pid_t, std::pair<Op, KillAfter>> doomed;

  Root(std::uint32_t n, Launched l) : number(n), launched(std::move(l)), tasks(launched.pid) {}

  /// A group's number is not used again while a member lives, so it is asked until it is empty
  /// once, and never after.
  bool group_lives() {
    if (reaped && !group_over) group_over = ::kill(-launched.pid, 0) != 0 && errno == ESRCH;
    return !group_over;
  }
};

Engine::Engine(Policy& policy, BpfProgram filter, std::uint32_t filter_set, int join_fd)
    : policy_(policy),
      delays_(policy),
      filter_(std::move(filter)),
      filter_set_(filter_set),
      join_fd_(join_fd) {}

base::Result<std::unique_ptr<Engine>> Engine::start(Policy& policy, std::uint32_t filter_set,
                                                    int join_fd) {
  BpfProgram filter;
  if (filter_set != 0) {
    base::Result<BpfProgram> built = build_filter(filter_set);
    if (!built) return std::unexpected(built.error());
    filter = std::move(*built);
  }
  std::unique_ptr<Engine> engine(new Engine(policy, std::move(filter), filter_set, join_fd));
  engine->epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  engine->wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{EPOLLIN, {.u64 = kWakeKey}};
  if (!engine->epoll_.valid() || !engine->wake_.valid() ||
      epoll_ctl(engine->epoll_.get(), EPOLL_CTL_ADD, engine->wake_.get(), &event) != 0) {
    return base::fail_errno(errno, "set up", "the supervisor's event loop");
  }
  engine->thread_ = std::thread([raw = engine.get()] { raw->loop(); });
  return engine;
}

Engine::~Engine() {
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  for (const std::shared_ptr<Root>& root : roots_) {
    if (root->reaped) continue;
    kill_root(*root, Scope::kDescendants);
    waitpid(root->launched.pid, nullptr, 0);
    disown_child(root->launched.pid);
  }
}

base::Result<std::uint32_t> Engine::launch(const LaunchSpec& spec,
                                           const std::function<void(std::uint32_t)>& announce) {
  base::Result<Launched> launched =
      stress::launch(spec, filter_set_ != 0 ? &filter_ : nullptr, join_fd_);
  if (!launched) return std::unexpected(launched.error());
  const std::lock_guard lock(mutex_);
  const auto number = static_cast<std::uint32_t>(roots_.size());
  const int listener = launched->listener.get();
  const int pidfd = launched->pidfd.get();
  roots_.push_back(std::make_shared<Root>(number, std::move(*launched)));
  if (announce) announce(number);
  if (listener >= 0) {
    std::uint64_t sync = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, sync);  // a speed-up where the kernel has it
    epoll_event event{EPOLLIN, {.u64 = number | kListenerBit}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener, &event);
  }
  epoll_event event{EPOLLIN, {.u64 = number}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd, &event);
  return number;
}

std::shared_ptr<Engine::Root> Engine::find(std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = key & ~kListenerBit;
  return number < roots_.size() ? roots_[number] : nullptr;
}

int Engine::running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count_if(roots_, [](const auto& r) { return !r->reaped; }));
}

bool Engine::signal(std::uint32_t number, int signal_number) {
  const std::shared_ptr<Root> root = find(number);
  const std::lock_guard lock(mutex_);
  return root != nullptr && !root->reaped &&
         syscall(SYS_pidfd_send_signal, root->launched.pidfd.get(), signal_number, nullptr, 0) == 0;
}

bool Engine::is_over(std::uint32_t number) {
  const std::shared_ptr<Root> root = find(number);
  const std::lock_guard lock(mutex_);
  return root != nullptr && !root->group_lives();
}

bool Engine::descendants_alive() const {
  std::set<pid_t> groups;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& root : roots_) {
      if (root->group_lives()) groups.insert(root->launched.pid);
    }
  }
  return std::ranges::any_of(all_processes(), [&](pid_t pid) {
    const std::optional<ProcessStat> stat = read_stat(pid);
    return stat && groups.contains(stat->process_group) && !stat->dead();
  });
}

void Engine::end_pauses() {
  pauses_over_ = true;
  eventfd_write(wake_.get(), 1);
}

void Engine::loop() {
  std::vector<epoll_event> events(64);
  while (!stopping_) {
    const int count = wait_for_events(events);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kWakeKey) {
        eventfd_t ignored = 0;
        eventfd_read(wake_.get(), &ignored);
        continue;
      }
      const std::shared_ptr<Root> root = find(event.data.u64);
      if ((event.data.u64 & kListenerBit) == 0) {
        reap(*root);
      } else if ((event.events & EPOLLIN) != 0) {
        receive(*root);
      } else if ((event.events & EPOLLHUP) != 0 &&
                 root->launched.listener.valid()) {  // hung up: no task of this launch is left
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, root->launched.listener.get(), nullptr);
        delays_.forget(root->number);
        root->launched.listener.reset();
        root->tasks = Tasks(root->launched.pid);
      }
    }
    pauses_.resume(pauses_over_);
    delays_.let_run(pauses_over_);
  }
}

int Engine::wait_for_events(std::vector<epoll_event>& events) {
  std::optional<TimePoint> next = delays_.next();
  if (const auto resume = pauses_.next()) next = std::min(next.value_or(*resume), *resume);
  int timeout_ms = -1;
  if (next) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now());
    timeout_ms = static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }
  return epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
}

void Engine::reap(Root& root) {
  int status = 0;
  if (root.reaped || waitpid(root.launched.pid, &status, WNOHANG) != root.launched.pid) return;
  disown_child(root.launched.pid);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, root.launched.pidfd.get(), nullptr);
  {
    const std::lock_guard lock(mutex_);
    root.reaped = true;
    root.launched.pidfd.reset();
    // Soon after each death, before a number can have come round again.
    for (const auto& other : roots_) other->group_lives();
  }
  policy_.exited(root.number, status);
}

void Engine::receive(Root& root) {
  Stopped stopped;
  stopped.listener = root.launched.listener.get();
  if (ioctl(stopped.listener, SECCOMP_IOCTL_NOTIF_RECV, &stopped.notification) != 0) return;
  if (const auto kind = blind_spot_kind(stopped.notification.data)) {
    notice(root, stopped, *kind);
    return;
  }
  std::optional<Op> op = decode(stopped.notification, root.tasks, root.number, root.launched.pid);
  if (op && op->sys == Sys::kExec && policy_.wants_argv(*op)) read_argv(*op);
  if (!op || !stopped.still_there()) {
    // Gone while it was read; an answer is due only to a task that lives.
    stopped.go_on();
    return;
  }
  stopped.op = std::move(*op);
  // The flags of an openat2 lie in memory, where the filter cannot tell reading from writing.
  if (stopped.op.number == SYS_openat2 && (filter_set_ & kReadOpens) == 0 &&
      !opens_for_writing(stopped.op.flags)) {
    stopped.go_on();
    return;
  }
  answer(root, stopped);
}

void Engine::notice(Root& root, const Stopped& stopped, BlindSpot::Kind kind) {
  std::optional<BlindSpot> spot = look_at_blind_spot(kind, stopped.notification, root.tasks);
  if (spot && stopped.still_there()) blind_spots_.add(std::move(*spot));
  if (kind == BlindSpot::Kind::kSharedMapping) {
    stopped.go_on();
  } else {
    (void)stopped.respond(ENOSYS, 0);
  }
}

void Engine::answer(Root& root, const Stopped& stopped) {
  ++answered_;
  const auto doomed = root.doomed.find(stopped.op.tid);
  if (doomed != root.doomed.end()) {
    const auto [op, verdict] = doomed->second;
    root.doomed.erase(doomed);
    policy_.applied(op, verdict, kill(root, op, verdict.scope, verdict.victim));
    stopped.go_on();
    return;
  }
  apply(root, stopped, policy_.decide(stopped.op));
}

void Engine::apply(Root& root, const Stopped& stopped, const Verdict& verdict) {
  const Op& op = stopped.op;
  const auto crash = [&](Scope scope, Victim victim) {
    policy_.applied(op, verdict, kill(root, op, scope, victim));
    // Whoever does not die in it goes on; the dead have no use for an answer.
    stopped.go_on();
  };
  std::visit(
      Overloaded{
          [&](const Proceed&) { stopped.go_on(); },
          [&](const Fail& fail) {
            policy_.applied(op, verdict, stopped.respond(fail.error_number, 0));
          },
          [&](const Short& cut) { policy_.applied(op, verdict, cut_short(stopped, cut.bytes)); },
          [&](const KillBefore& kill) { crash(kill.scope, kill.victim); },
          [&](const KillMid& kill) {
            const std::string content = gather(op, kill.bytes);
            if (!goes_down(root, op, kill.scope, kill.victim) || content.size() != kill.bytes ||
                !stopped.still_there()) {
              policy_.applied(op, verdict, false);
              stopped.go_on();
              return;
            }
            write_for(op, content);
            crash(kill.scope, kill.victim);
          },
          [&](const KillAfter& kill) {
            if (goes_down(root, op, kill.scope, kill.victim) && stopped.still_there() &&
                perform(op)) {
              crash(kill.scope, kill.victim);
            } else {
              root.doomed[op.tid] = {op, kill};
              stopped.go_on();
            }
          },
          [&](const Exit& exit) {
            const bool ended = end_instead(stopped, exit.code);
            policy_.applied(op, verdict, ended);
            if (!ended) stopped.go_on();
          },
          [&](const Unlink&) {
            policy_.applied(op, verdict, stopped.still_there() && unlink_file_of(op));
            stopped.go_on();
          },
          [&](const Pause& rest) {
            policy_.applied(op, verdict,
                            !pauses_over_ && pauses_.add(stopped, root.launched, rest));
            stopped.go_on();
          },
          [&](const Delay& delay) {
            if (!pauses_over_) return delays_.add(stopped, delay);
            policy_.applied(op, verdict, false);
            stopped.go_on();
          },
      },
      verdict);
}

bool Engine::cut_short(const Stopped& stopped, std::uint64_t bytes) {
  const std::string content = gather(stopped.op, bytes);
  if (bytes > 0 && content.size() == bytes && stopped.still_there() &&
      write_for(stopped.op, content)) {
    return stopped.return_value(bytes);
  }
  stopped.go_on();
  return false;
}

/// Whether the caller itself dies in this crash.
bool Engine::goes_down(const Root& root, const Op& op, Scope scope, Victim victim) {
  if (victim == Victim::kCommand) {
    return op.in_command || (op.command != 0 && scope == Scope::kDescendants && !op.detached);
  }
  return op.in_root || (scope == Scope::kDescendants && getpgid(op.pid) == root.launched.pid);
}

bool Engine::kill(Root& root, const Op& op, Scope scope, Victim victim) {
  return victim == Victim::kLaunched ? kill_root(root, scope)
                                     : kill_command(op, scope == Scope::kDescendants);
}

bool Engine::kill_root(Root& root, Scope scope) {
  if (root.reaped) return false;
  pollfd dead{root.launched.pidfd.get(), POLLIN, 0};
  if (poll(&dead, 1, 0) == 1) return false;  // it was dead already
  if (scope == Scope::kDescendants) {
    // The unreaped root keeps the group's number from being used again.
    ::kill(-root.launched.pid, SIGKILL);
  } else {
    syscall(SYS_pidfd_send_signal, root.launched.pidfd.get(), SIGKILL, nullptr, 0);
  }
  // Only when it is wholly dead may anybody else go on.
  constexpr int kDeathMs = 30'000;
  return poll(&dead, 1, kDeathMs) == 1;
}

}  // namespace stress
