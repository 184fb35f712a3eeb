#include "orchestrator/session/session_members.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/pidfd.h"

namespace orc {

SessionMembers SessionMembers::of(const base::ProcessIdentity& leader) {
  SessionMembers found;
  if (base::liveness(leader) != base::Liveness::kAlive) return found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [rest, problem] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (problem != std::errc{} || rest != name.data() + name.size()) continue;
    if (::getsid(pid) != leader.pid) continue;
    base::UniqueFd member(::pidfd_open(pid, 0));
    // Looked at again: the number may have changed hands before it was held.
    if (member.valid() && ::getsid(pid) == leader.pid) found.members_.push_back(std::move(member));
  }
  // While its leader lives, the session's number is its own.
  if (base::liveness(leader) != base::Liveness::kAlive) found.members_.clear();
  return found;
}

void SessionMembers::signal(int number) const {
  for (const base::UniqueFd& member : members_) {
    static_cast<void>(::pidfd_send_signal(member.get(), number, nullptr, 0));
  }
}

bool SessionMembers::wait_dead(std::chrono::milliseconds timeout) const {
  const std::int64_t deadline = base::monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  return std::ranges::all_of(members_, [&](const base::UniqueFd& member) {
    pollfd death{.fd = member.get(), .events = POLLIN, .revents = 0};
    for (;;) {
      const std::int64_t left_ns = std::max<std::int64_t>(0, deadline - base::monotonic_ns());
      const int ready = ::poll(&death, 1, static_cast<int>((left_ns + 999'999) / 1'000'000));
      if (ready >= 0 || errno != EINTR) return ready > 0;
    }
  });
}

}  // namespace orc
