#include "harness/supervise/room.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "harness/supervise/guardian.h"
#include "harness/supervise/process_table.h"
#include "harness/supervise/reaper.h"
#include "orchestrator/base/pidfd.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {
namespace {

using Clock = std::chrono::steady_clock;

bool inside = false;

/// Longer than a guardian takes at most.
constexpr std::chrono::seconds kForTheGuardian{150};

/// What stands between the caller and the room's first process.
struct Doors {
  base::UniqueFd caller_lives;  ///< in the room: at its end once the caller has died
  base::UniqueFd caller;        ///< the caller's end of it
  base::UniqueFd news;          ///< in the room: takes a Mishap, or nothing
  base::UniqueFd heard;         ///< the caller's end of it
};

/// A step of making the room that failed.
struct Mishap {
  enum class Step { kNamespaces, kUser, kMounts, kProc, kChild } step = Step::kNamespaces;
  int error = 0;
};

base::Result<Doors> make_doors() {
  Doors doors;
  std::array<int, 2> pair{};
  if (::pipe2(pair.data(), O_CLOEXEC) != 0)
    return base::fail_errno(errno, "make a pipe for", "room");
  doors.caller_lives.reset(pair[0]);
  doors.caller.reset(pair[1]);
  if (::pipe2(pair.data(), O_CLOEXEC) != 0)
    return base::fail_errno(errno, "make a pipe for", "room");
  doors.heard.reset(pair[0]);
  doors.news.reset(pair[1]);
  return doors;
}

base::Status refused(const Mishap& mishap) {
  const auto step = [&]() -> std::string_view {
    switch (mishap.step) {
      case Mishap::Step::kUser:
        return "map the user into a user namespace";
      case Mishap::Step::kMounts:
        return "make the mounts private";
      case Mishap::Step::kProc:
        return "mount /proc for a pid namespace";
      case Mishap::Step::kChild:
        return "start a process in a pid namespace";
      case Mishap::Step::kNamespaces:
        break;
    }
    return "make mount and pid namespaces, not even in a user namespace";
  }();
  const std::string_view how = mishap.error == ENOSPC
                                   ? "their number is limited (sysctl user.max_user_namespaces)"
                                   : std::string_view(::strerrordesc_np(mishap.error));
  return base::fail(base::Errc::kUnavailable,
                    "cannot {}: {}; run it as root outside of a container, or where users may make "
                    "namespaces (`unshare -Ur true` works)",
                    step, how);
}

/// As fork, but the child is the first process of new namespaces. It has its parent's idea of its
/// own thread's number, so it must do little; what it forks in turn has the right one.
pid_t fork_into(unsigned long namespaces) {
  return static_cast<pid_t>(
      ::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, 0UL));
}

bool write_to(const char* file, std::string_view text) {
  const base::UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  return fd.valid() &&
         ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// The first process of the room.
class Host {
 public:
  Host(Doors doors, pid_t caller) : doors_(std::move(doors)), caller_(caller) {}

  /// `user`, `group`: whom to map, where there is a user namespace.
  std::optional<Mishap> furnish(std::optional<uid_t> user, gid_t group) {
    doors_.caller.reset();
    doors_.heard.reset();
    ::setsid();
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, &mask_);
    signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    using Step = Mishap::Step;
    if (user && (!write_to("/proc/self/setgroups", "deny") ||
                 !write_to("/proc/self/uid_map", fmt::format("{0} {0} 1", *user)) ||
                 !write_to("/proc/self/gid_map", fmt::format("{0} {0} 1", group)))) {
      return Mishap{Step::kUser, errno};
    }
    // Slaves: what is unmounted outside is not kept busy in here.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
      return Mishap{Step::kMounts, errno};
    }
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
      return Mishap{Step::kProc, errno};
    }
    return std::nullopt;
  }

  void tell(const Mishap& mishap) const {
    [[maybe_unused]] const ssize_t told = ::write(doors_.news.get(), &mishap, sizeof mishap);
  }

  /// To the end of the room.
  [[noreturn]] void keep(const std::function<int()>& body) {
    guest_ = ::fork();
    // What is known of the caller by its number alone must not be taken for the guest's.
    while (guest_ == caller_ || (guest_ == 0 && ::getpid() == caller_)) {
      if (guest_ == 0) ::_exit(0);
      guest_ = ::fork();
    }
    if (guest_ == 0) live(body);
    if (guest_ < 0) {
      tell({Mishap::Step::kChild, errno});
      ::_exit(1);
    }
    doors_.news.reset();
    while (!over()) attend();
    ::_exit(WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_));
  }

 private:
  [[noreturn]] void live(const std::function<int()>& body) {
    doors_ = {};
    signals_.reset();
    inside = true;
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    ::_exit(body());
  }

  /// One that was killed is cleaned up after by its guardian.
  [[nodiscard]] bool over() const {
    if (!ended_) return false;
    return WIFEXITED(status_) || Clock::now() > *ended_ + kForTheGuardian ||
           std::ranges::none_of(all_processes(), is_guardian);
  }

  void attend() {
    constexpr int kToTheDeadlineMs = 1000;
    std::array<pollfd, 2> sources{
        pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = doors_.caller_lives.get(), .events = POLLIN, .revents = 0}};
    if (::poll(sources.data(), sources.size(), kToTheDeadlineMs) <= 0) return;
    if (sources[1].revents != 0) {
      doors_.caller_lives.reset();
      if (!ended_) ::kill(guest_, SIGKILL);
    }
    signalfd_siginfo told{};
    while (::read(signals_.get(), &told, sizeof told) == static_cast<ssize_t>(sizeof told)) {
      const auto signal = static_cast<int>(told.ssi_signo);
      if (signal != SIGCHLD && !ended_) ::kill(guest_, signal);
    }
    reap();
  }

  /// Orphans of the room are its children too.
  void reap() {
    int status = 0;
    pid_t child = 0;
    while ((child = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (child != guest_) continue;
      status_ = status;
      ended_ = Clock::now();
    }
  }

  Doors doors_;
  pid_t caller_;
  sigset_t mask_{};
  base::UniqueFd signals_;
  pid_t guest_ = -1;
  int status_ = 0;
  std::optional<Clock::time_point> ended_;
};

/// The caller's part.
int wait_for_host(pid_t host, const std::atomic<bool>& interrupted) {
  const base::UniqueFd pidfd(::pidfd_open(host, 0));
  bool told = false;
  for (pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0}; end.revents == 0;) {
    constexpr int kLookAgainMs = 200;  // a signal may come just before the wait
    ::poll(&end, 1, kLookAgainMs);
    if (interrupted && !told) {
      told = true;
      ::kill(host, SIGTERM);
    }
  }
  int status = 0;
  while (::waitpid(host, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

base::Result<int> run_in_room(const std::atomic<bool>& interrupted,
                              const std::function<int()>& body) {
  base::Result<Doors> doors = make_doors();
  if (!doors) return std::unexpected(doors.error());
  std::fflush(nullptr);  // else two processes would print it
  const pid_t caller = ::getpid();
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  constexpr unsigned long kRoom = CLONE_NEWNS | CLONE_NEWPID;
  bool user_namespace = false;
  pid_t host = fork_into(kRoom);
  if (host < 0 && errno == EPERM) {
    user_namespace = true;
    host = fork_into(kRoom | CLONE_NEWUSER);
  }
  if (host < 0) return std::unexpected(refused({Mishap::Step::kNamespaces, errno}).error());
  if (host == 0) {
    Host room(*std::move(doors), caller);
    if (const auto mishap =
            room.furnish(user_namespace ? std::optional(user) : std::nullopt, group)) {
      room.tell(*mishap);
      ::_exit(1);
    }
    room.keep(body);
  }
  own_child(host);
  doors->news.reset();
  doors->caller_lives.reset();
  Mishap mishap;
  const bool failed =
      ::read(doors->heard.get(), &mishap, sizeof mishap) == static_cast<ssize_t>(sizeof mishap);
  const int code = wait_for_host(host, interrupted);
  disown_child(host);
  if (failed) return std::unexpected(refused(mishap).error());
  return code;
}

bool in_room() { return inside; }

}  // namespace stress
