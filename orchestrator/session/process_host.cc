#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "orchestrator/base/subprocess.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/session/session_host.h"
#include "orchestrator/session/session_mark.h"
#include "orchestrator/session/session_members.h"

namespace orc {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kHost = "process";

/// Held while a session of this name is looked for and started, so that of two simultaneous
/// creates one sees the other. An abstract socket: it vanishes with its holder, whatever happens.
/// (Names are per network namespace; processes in different ones do not exclude each other.)
base::Result<base::UniqueFd> reserve(const SessionSpec& spec) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The hash keeps any two names of any length apart within the 107 bytes there are.
  const std::string text = fmt::format("{}:{}", spec.workspace, spec.name);
  const std::string name = fmt::format("spawnstorm-{}-{:.64}-{:016x}", ::getuid(), spec.name,
                                       std::hash<std::string>{}(text));
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return base::fail_errno(errno, "reserve session", spec.name);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno == EADDRINUSE) {
      return base::fail(base::Errc::kExists, "session {} is being started by another", spec.name);
    }
    return base::fail_errno(errno, "reserve session", spec.name);
  }
  return fd;
}

/// The value goes between colons into an environment variable.
base::Status check_mark(std::string_view what, std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
  if (!plain)
    return base::fail(base::Errc::kInvalid,
                      "{} '{}' has other characters than "
                      "letters, digits, '_' and '-'",
                      what, text);
  return {};
}

base::Status check_spec(const SessionSpec& spec) {
  if (auto status = check_name("session name", spec.name); !status) return status;
  if (auto status = check_mark("workspace mark", spec.workspace); !status) return status;
  if (auto status = check_mark("attempt mark", spec.attempt); !status) return status;
  if (spec.argv.empty()) {
    return base::fail(base::Errc::kInvalid, "session {} has no command", spec.name);
  }
  return {};
}

SessionIdentity identity_of(std::string name, base::ProcessIdentity process) {
  return {.host = std::string(kHost),
          .name = std::move(name),
          .session_id = {},
          .server = {},
          .process = std::move(process)};
}

class ProcessHost final : public SessionHost {
 public:
  base::Result<SessionIdentity> create(const SessionSpec& spec) override {
    if (auto status = check_spec(spec); !status) return std::unexpected(std::move(status.error()));
    auto reservation = reserve(spec);
    if (!reservation) return std::unexpected(std::move(reservation.error()));
    auto marks = scan_session_marks();
    if (!marks) return std::unexpected(std::move(marks.error()));
    for (const SessionMark& mark : *marks) {
      if (mark.name == spec.name && mark.workspace == spec.workspace) {
        return base::fail(base::Errc::kExists, "session {} exists already: process {}", spec.name,
                          mark.pid);
      }
    }
    base::Command command;
    command.argv = spec.argv;
    command.cwd = spec.cwd;
    command.env = base::current_environment();
    std::erase_if(*command.env, [](const std::string& variable) {
      return variable.starts_with(fmt::format("{}=", kSessionVariable));
    });
    command.env->push_back(fmt::format("{}={}:{{pid}}:{}:{}", kSessionVariable, spec.name,
                                       spec.workspace, spec.attempt));
    auto process = base::start_detached(command, spec.log);
    if (!process) return std::unexpected(std::move(process.error()));
    return identity_of(spec.name, std::move(*process));
  }

  base::Result<Listing> list() override {
    auto marks = scan_session_marks();
    if (!marks) return std::unexpected(std::move(marks.error()));
    Listing listing{.server_running = true, .server = {}, .sessions = {}};
    for (SessionMark& mark : *marks) {
      auto process = base::identify(mark.pid);
      // Gone since it was seen.
      if (!process || base::liveness(*process) == base::Liveness::kDead) continue;
      listing.sessions.push_back({.identity = identity_of(mark.name, std::move(*process)),
                                  .workspace = std::move(mark.workspace),
                                  .attempt = std::move(mark.attempt)});
    }
    return listing;
  }

  base::Status end(const SessionIdentity& session, milliseconds timeout) override {
    if (!session.process) {
      return base::fail(base::Errc::kUnavailable, "end session {}: its process is not known",
                        session.name);
    }
    const auto& process = *session.process;
    const auto alive = base::liveness(process);
    if (alive == base::Liveness::kDead) return {};
    if (alive == base::Liveness::kUnknown) {
      return base::fail(base::Errc::kUnavailable, "end session {}: nothing is known of process {}",
                        session.name, process.pid);
    }
    const auto members = SessionMembers::of(process);
    members.signal(SIGHUP);
    const milliseconds patience = timeout / 3;
    if (!members.wait_dead(patience)) members.signal(SIGKILL);
    return base::wait_dead(process, timeout - patience);
  }

  base::Result<std::string> capture(const SessionIdentity& session, int /*lines*/) override {
    return base::fail(base::Errc::kUnavailable, "session {} is a plain process without a screen",
                      session.name);
  }

  base::Liveness liveness(const Listing& listing, const SessionIdentity& session) const override {
    if (!session.process) return base::Liveness::kUnknown;
    const bool listed = std::ranges::any_of(
        listing.sessions, [&](const Session& entry) { return entry.identity == session; });
    // Not listed does not mean dead: we may not be allowed to read its environment.
    return listed ? base::Liveness::kAlive : base::liveness(*session.process);
  }
};

}  // namespace

std::unique_ptr<SessionHost> make_process_host() { return std::make_unique<ProcessHost>(); }

}  // namespace orc
