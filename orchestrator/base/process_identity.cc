#include "orchestrator/base/process_identity.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/file_io.h"
#include "orchestrator/base/pidfd.h"
#include "orchestrator/base/unique_fd.h"

namespace base {
namespace {

std::string first_line(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text) return {};
  text->resize(std::min(text->find('\n'), text->size()));
  return *std::move(text);
}

/// A /proc of another pid namespace (a container that mounted its host's) would tell about
/// strangers that happen to have our numbers.
bool proc_is_ours() {
  std::array<char, 32> target{};
  const ssize_t length = ::readlink("/proc/self", target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) ==
                           std::to_string(::getpid());
}

/// Field 22 of /proc/PID/stat; 0 where the text makes no sense.
std::uint64_t parse_start_ticks(std::string_view stat) {
  // Field 2 is the program's name, which may itself contain spaces and parentheses.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  stat.remove_prefix(name_end + 1);
  for (int field = 3; field <= 22; ++field) {
    const auto space = stat.find(' ');
    if (space == std::string_view::npos) return 0;
    stat.remove_prefix(space + 1);
  }
  std::uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(stat.data(), stat.data() + stat.size(), ticks);
  return error == std::errc{} ? ticks : 0;
}

Result<std::uint64_t> start_ticks_of(pid_t pid) {
  const std::filesystem::path path = fmt::format("/proc/{}/stat", pid);
  if (!proc_is_ours()) {
    return fail(Errc::kIo, "read {}: /proc belongs to another pid namespace", path.string());
  }
  auto stat = read_file(path);
  if (!stat) return std::unexpected(std::move(stat.error()));
  const std::uint64_t ticks = parse_start_ticks(*stat);
  if (ticks == 0) return fail(Errc::kIo, "read {}: no start time in it", path.string());
  return ticks;
}

ProcessIdentity identity_without_process() {
  ProcessIdentity identity;
  identity.machine = first_line("/etc/machine-id");
  identity.boot = first_line("/proc/sys/kernel/random/boot_id");
  struct stat space{};
  if (::stat("/proc/self/ns/pid", &space) == 0) identity.pid_namespace = space.st_ino;
  return identity;
}

/// Liveness, and for a living process the descriptor that names it.
struct Sighting {
  Liveness liveness = Liveness::kUnknown;
  UniqueFd pidfd;
};

bool has_exited(const UniqueFd& pidfd) {
  pollfd poll_fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) == 1;
}

/// What can be said without looking at a process: kAlive means 'go and look'.
Liveness judge_place(const ProcessIdentity& identity) {
  const ProcessIdentity& self = self_identity();
  if (identity.pid <= 0 || identity.start_ticks == 0) return Liveness::kUnknown;
  if (identity.boot.empty() || self.boot.empty()) return Liveness::kUnknown;
  if (identity.machine != self.machine) return Liveness::kUnknown;
  if (identity.boot != self.boot) {
    // Without machine ids another boot may as well be another machine.
    return self.machine.empty() ? Liveness::kUnknown : Liveness::kDead;
  }
  if (identity.pid_namespace == 0 || identity.pid_namespace != self.pid_namespace) {
    return Liveness::kUnknown;
  }
  return Liveness::kAlive;
}

Sighting look_for(const ProcessIdentity& identity) {
  const Liveness place = judge_place(identity);
  if (place != Liveness::kAlive) return {place, {}};
  UniqueFd pidfd(::pidfd_open(identity.pid, 0));
  if (!pidfd.valid()) {
    // EINVAL: the number now belongs to a thread of some process.
    const bool gone = errno == ESRCH || errno == EINVAL;
    return {gone ? Liveness::kDead : Liveness::kUnknown, {}};
  }
  // The descriptor came first: if the start time fits, it names the same process, since a number
  // is not given away again while its process can still be seen under it.
  const auto ticks = start_ticks_of(identity.pid);
  if (has_exited(pidfd)) return {Liveness::kDead, {}};
  // Not readable and yet living: /proc is mounted with hidepid.
  if (!ticks) return {Liveness::kUnknown, {}};
  if (*ticks != identity.start_ticks) return {Liveness::kDead, {}};
  return {Liveness::kAlive, std::move(pidfd)};
}

std::unexpected<Error> refuse_unknown(const ProcessIdentity& identity, std::string_view step) {
  return fail(Errc::kRefused, "{} process {}: it cannot be known whether it is alive", step,
              identity.pid);
}

}  // namespace

Result<ProcessIdentity> identify(pid_t pid) {
  auto ticks = start_ticks_of(pid);
  if (!ticks) {
    // A process that ends while its entry is read: ESRCH.
    if (ticks.error().sys_errno == ESRCH) ticks.error().code = Errc::kNotFound;
    return std::unexpected(std::move(ticks.error()));
  }
  ProcessIdentity identity = self_identity();
  identity.pid = pid;
  identity.start_ticks = *ticks;
  return identity;
}

const ProcessIdentity& self_identity() {
  // Per thread, so that no lock can be left locked in a forked child.
  thread_local ProcessIdentity identity;
  if (identity.pid != ::getpid()) {
    identity = identity_without_process();
    identity.pid = ::getpid();
    identity.start_ticks = start_ticks_of(identity.pid).value_or(0);
  }
  return identity;
}

Liveness liveness(const ProcessIdentity& identity) { return look_for(identity).liveness; }

Status signal_process(const ProcessIdentity& identity, int signal) {
  const Sighting sighting = look_for(identity);
  if (sighting.liveness == Liveness::kUnknown) return refuse_unknown(identity, "signal");
  if (sighting.liveness == Liveness::kDead) return {};
  if (::pidfd_send_signal(sighting.pidfd.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    return fail_errno(errno, "signal process", std::to_string(identity.pid));
  }
  return {};
}

Status wait_dead(const ProcessIdentity& identity, std::chrono::milliseconds timeout) {
  const std::int64_t deadline_ns = monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  const Sighting sighting = look_for(identity);
  if (sighting.liveness == Liveness::kUnknown) return refuse_unknown(identity, "wait for");
  if (sighting.liveness == Liveness::kDead) return {};
  for (;;) {
    const std::int64_t left_ns = std::max<std::int64_t>(0, deadline_ns - monotonic_ns());
    const timespec left{.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
    pollfd poll_fd{.fd = sighting.pidfd.get(), .events = POLLIN, .revents = 0};
    const int ready = ::ppoll(&poll_fd, 1, &left, nullptr);
    if (ready == 1) return {};
    if (ready == 0) {
      return fail(Errc::kTimeout, "process {} is still alive after {} ms", identity.pid,
                  timeout.count());
    }
    if (errno != EINTR) return fail_errno(errno, "wait for process", std::to_string(identity.pid));
  }
}

}  // namespace base
