#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <iterator>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/unique_fd.h"
#include "orchestrator/session/session_host.h"
#include "orchestrator/session/session_members.h"
#include "orchestrator/session/tmux_client.h"
#include "orchestrator/session/tmux_listing.h"
#include "orchestrator/session/tmux_quoting.h"
#include "orchestrator/session/tmux_retired_server.h"

// Policy. A session is made and marked by one client call, so no moment exists at which a killed
// spawner leaves an unmarked one. tmux finds names by prefix unless told "=name", lets anyone
// rename a session, numbers its sessions anew with each server, and tells errors by texts only: so
// every act on a session goes by its id and checks the server, inside the server, and a text that
// we do not know never means that something is dead.
namespace orc {
namespace {

using Server = TmuxClient::Server;
using std::chrono::milliseconds;

constexpr std::string_view kKeeper = "spawnstorm-keeper";
/// tmux sends a command as one message of 16 KB at most, its own header included.
constexpr std::size_t kCommandBytesMax = 16'000;

base::Status check_mark(std::string_view what, std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
  if (plain && !text.empty()) return {};
  return base::fail(base::Errc::kInvalid,
                    "{} '{}' must be letters, digits, '_' and '-', and not empty", what, text);
}

base::Status check_spec(const SessionSpec& spec) {
  if (auto status = check_name("session name", spec.name); !status) return status;
  if (auto status = check_mark("workspace mark", spec.workspace); !status) return status;
  if (auto status = check_mark("attempt mark", spec.attempt); !status) return status;
  if (spec.argv.empty() || spec.argv.front().empty()) {
    return base::fail(base::Errc::kInvalid, "session {} has no command", spec.name);
  }
  if (!spec.log.empty() && !spec.log.is_absolute()) {
    return base::fail(base::Errc::kInvalid, "session {}: the path of its log {} is not absolute",
                      spec.name, spec.log.string());
  }
  return {};
}

/// Made here, so that a wrong path is an error of create() and the mode does not follow the umask
/// of a server that somebody else has started.
base::Status make_log(const std::filesystem::path& log) {
  if (log.empty()) return {};
  const base::UniqueFd fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) return base::fail_errno(errno, "open session log", log);
  return {};
}

std::vector<std::string> create_commands(const SessionSpec& spec) {
  std::vector<std::string> commands = {"new-session", "-d",      "-P", "-F",  listing_format(),
                                       "-s",          spec.name, "-x", "200", "-y",
                                       "50",          "--"};
  // tmux gives a command of one word to a shell, of several words to nobody.
  if (spec.argv.size() == 1) commands.emplace_back("env");
  for (const std::string& argument : spec.argv) commands.push_back(tmux_argument(argument));
  const std::string session = fmt::format("={}:", spec.name);
  const auto append = [&commands](std::vector<std::string> command) {
    commands.emplace_back(";");
    std::ranges::move(command, std::back_inserter(commands));
  };
  append({"set-option", "-t", session, std::string(kWorkspaceOption), spec.workspace});
  append({"set-option", "-t", session, std::string(kAttemptOption), spec.attempt});
  if (!spec.log.empty()) {
    const std::string sink = fmt::format("exec cat >> {}", shell_word(spec.log.native()));
    append({"pipe-pane", "-t", session, tmux_argument(tmux_format(sink))});
  }
  return commands;
}

base::Status check_size(const SessionSpec& spec, const std::vector<std::string>& commands) {
  std::size_t bytes = 0;
  for (const std::string& word : commands) bytes += word.size() + 1;
  if (bytes <= kCommandBytesMax) return {};
  return base::fail(base::Errc::kInvalid,
                    "session {}: its command has {} bytes, and tmux takes {}: pass long texts by "
                    "file",
                    spec.name, bytes, kCommandBytesMax);
}

/// `$3`: anything else, as a target or within a command, could mean more than one session.
bool is_session_id(std::string_view text) {
  return text.size() > 1 && text.front() == '$' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

/// A server never gives an id twice. The name is the user's to change.
bool same_session(const Session& listed, const SessionIdentity& session) {
  return session.server && listed.identity.server == session.server &&
         is_session_id(session.session_id) && listed.identity.session_id == session.session_id;
}

class TmuxHost final : public SessionHost {
 public:
  explicit TmuxHost(TmuxOptions options) : client_(std::move(options)) {}

  base::Result<SessionIdentity> create(const SessionSpec& spec) override;
  base::Result<Listing> list() override;
  base::Status end(const SessionIdentity& session, milliseconds timeout) override;
  base::Result<std::string> capture(const SessionIdentity& session, int lines) override;
  base::Liveness liveness(const Listing& listing, const SessionIdentity& session) const override;

 private:
  base::Status start_server();
  base::Result<SessionIdentity> adopt(const SessionSpec& spec);
  base::Result<SessionIdentity> created(const SessionSpec& spec, const TmuxReply& reply);
  base::Status hang_up(const SessionIdentity& session);

  TmuxClient client_;
};

/// Many may do this at once: tmux's own lock file lets one of them start the server, and for the
/// others the keeper is a duplicate.
base::Status TmuxHost::start_server() {
  auto reply = client_.call({"new-session", "-d", "-s", std::string(kKeeper), "-x", "200", "-y",
                             "50", "--", "sleep", "infinity", ";", "set-option", "-t",
                             fmt::format("={}:", kKeeper), "@spawnstorm_keeper", "1"},
                            Server::kMayStart);
  if (!reply) return std::unexpected(std::move(reply.error()));
  const bool there =
      reply->verdict == TmuxVerdict::kOk || reply->verdict == TmuxVerdict::kDuplicate;
  if (there) return {};
  return tmux_failure(*reply, "start the tmux server");
}

base::Result<SessionIdentity> TmuxHost::create(const SessionSpec& spec) {
  if (auto status = check_spec(spec); !status) return std::unexpected(std::move(status.error()));
  const auto commands = create_commands(spec);
  if (auto status = check_size(spec, commands); !status) {
    return std::unexpected(std::move(status.error()));
  }
  if (auto status = make_log(spec.log); !status) return std::unexpected(std::move(status.error()));

  const bool is_private = client_.options().private_server;
  const std::string step = fmt::format("create session {}", spec.name);
  bool may_be_ours = false;
  // A server that is missing is started once; one that dies under the call, as with its last
  // session, makes a second attempt under the same name.
  for (int attempt = 0;; ++attempt) {
    auto reply =
        client_.call(commands, is_private ? Server::kMustRun : Server::kMayStart, spec.cwd);
    if (!reply) return std::unexpected(std::move(reply.error()));
    switch (reply->verdict) {
      case TmuxVerdict::kOk:
        return created(spec, *reply);
      case TmuxVerdict::kDuplicate:
        if (may_be_ours) return adopt(spec);
        return base::fail(base::Errc::kExists, "session {} exists already", spec.name);
      case TmuxVerdict::kNoServer:
        if (attempt >= 3 || !is_private) return tmux_failure(*reply, step);
        if (auto status = start_server(); !status) {
          return base::fail_from(std::move(status.error()), step);
        }
        break;
      case TmuxVerdict::kServerExited:
        if (attempt >= 3) return tmux_failure(*reply, step);
        if (may_be_ours && is_private) {
          // Twice in a row: not a server that dies, but one that will not.
          if (auto ended = end_retired_server(client_.socket_path(), client_.options().timeout);
              !ended) {
            return base::fail_from(std::move(ended.error()), step);
          }
        }
        may_be_ours = true;
        break;
      default:
        if (auto made = parse_session(reply->out); made) {
          // Made, but perhaps not marked: nobody would ever find it.
          if (auto ended = hang_up(made->identity); !ended) {
            return base::fail_from(std::move(ended.error()), step + ", which is left behind");
          }
        }
        return tmux_failure(*reply, step);
    }
  }
}

/// The identity from the line that new-session has printed, before its marks were set.
base::Result<SessionIdentity> TmuxHost::created(const SessionSpec& spec, const TmuxReply& reply) {
  const std::string_view out = reply.out;
  auto made = parse_session(out.substr(0, out.find('\n')));
  if (!made) return base::fail_from(std::move(made.error()), "create session " + spec.name);
  return std::move(made->identity);
}

base::Result<SessionIdentity> TmuxHost::adopt(const SessionSpec& spec) {
  auto listing = list();
  if (!listing) return std::unexpected(std::move(listing.error()));
  for (Session& session : listing->sessions) {
    if (session.identity.name == spec.name && session.workspace == spec.workspace &&
        session.attempt == spec.attempt) {
      return std::move(session.identity);
    }
  }
  return base::fail(base::Errc::kExists, "session {} exists already", spec.name);
}

base::Result<Listing> TmuxHost::list() {
  auto reply = client_.call(listing_commands(), Server::kMustRun);
  if (!reply) {
    reply.error().code = base::Errc::kUnavailable;
    return std::unexpected(std::move(reply.error()));
  }
  switch (reply->verdict) {
    case TmuxVerdict::kOk:
    case TmuxVerdict::kNoSessions:
      return parse_listing(reply->out);
    case TmuxVerdict::kNoServer:
      return Listing{};
    default:
      break;
  }
  auto failure = tmux_failure(*reply, "list sessions");
  failure.error().code = base::Errc::kUnavailable;
  return failure;
}

/// kill-session, if the server still is the one that made the session: asked and done inside the
/// server, between two commands of which nothing else can happen.
base::Status TmuxHost::hang_up(const SessionIdentity& session) {
  if (!session.server || !is_session_id(session.session_id)) return {};
  auto reply = client_.call({"if-shell", "-F", "-t", fmt::format("{}:", session.session_id),
                             fmt::format("#{{==:#{{pid}} #{{session_id}},{} {}}}",
                                         session.server->pid, session.session_id),
                             fmt::format("kill-session -t '{}'", session.session_id)},
                            Server::kMustRun);
  if (!reply) return std::unexpected(std::move(reply.error()));
  switch (reply->verdict) {
    case TmuxVerdict::kOk:
    case TmuxVerdict::kNoServer:
    case TmuxVerdict::kNoSuchSession:
    case TmuxVerdict::kNoSessions:
    case TmuxVerdict::kServerExited:  // with its last session: this one
      return {};
    default:
      return tmux_failure(*reply, fmt::format("end session {}", session.name));
  }
}

base::Status TmuxHost::end(const SessionIdentity& session, milliseconds timeout) {
  const std::int64_t deadline = base::monotonic_ns() + std::chrono::nanoseconds(timeout).count();
  auto listing = list();
  if (!listing) return std::unexpected(std::move(listing.error()));
  const bool listed = std::ranges::any_of(
      listing->sessions, [&](const Session& entry) { return same_session(entry, session); });
  // Held before the hang-up, after which its children are nobody's.
  const auto members = session.process ? SessionMembers::of(*session.process) : SessionMembers();
  if (listed) {
    if (auto status = hang_up(session); !status) return status;
  }
  if (!session.process || base::liveness(*session.process) == base::Liveness::kUnknown) {
    if (!session.process || listed) return {};
    return base::fail(base::Errc::kUnavailable, "end session {}: nothing is known of process {}",
                      session.name, session.process->pid);
  }
  // The recorded process is this very agent's, whether its session is still there or not: it may
  // have survived its hang-up, or its server lost its socket.
  if (!listed) members.signal(SIGHUP);
  if (!members.wait_dead(timeout / 3)) members.signal(SIGKILL);
  const std::int64_t left_ns = std::max<std::int64_t>(0, deadline - base::monotonic_ns());
  return base::wait_dead(*session.process, milliseconds(left_ns / 1'000'000));
}

base::Result<std::string> TmuxHost::capture(const SessionIdentity& session, int lines) {
  const auto gone = [&] {
    return base::fail(base::Errc::kNotFound, "session {} does not exist", session.name);
  };
  if (!is_session_id(session.session_id)) return gone();
  const std::string target = fmt::format("{}:", session.session_id);
  auto reply =
      client_.call({"display-message", "-p", "-t", target, listing_format(), ";", "capture-pane",
                    "-p", "-t", target, "-S", fmt::format("-{}", std::max(lines, 0))},
                   Server::kMustRun);
  if (!reply) return std::unexpected(std::move(reply.error()));
  switch (reply->verdict) {
    case TmuxVerdict::kOk:
      break;
    case TmuxVerdict::kNoServer:
    case TmuxVerdict::kNoSuchSession:
    case TmuxVerdict::kNoSessions:
      return gone();
    default:
      return tmux_failure(*reply, fmt::format("capture session {}", session.name));
  }
  std::string_view text = reply->out;
  const auto first = std::min(text.find('\n'), text.size());
  const auto shown = parse_session(text.substr(0, first));
  if (!shown || !same_session(*shown, session)) return gone();
  text.remove_prefix(std::min(first + 1, text.size()));
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::size_t start = text.size();
  for (int line = 0; line < lines && start != std::string_view::npos && start > 0; ++line) {
    start = text.rfind('\n', start - 1);
  }
  if (start != std::string_view::npos && lines > 0 && start < text.size() && text[start] == '\n') {
    ++start;
  }
  return std::string(text.substr(start == std::string_view::npos ? 0 : start));
}

base::Liveness TmuxHost::liveness(const Listing& listing, const SessionIdentity& session) const {
  using base::Liveness;
  if (!session.server || !is_session_id(session.session_id)) return Liveness::kUnknown;
  if (listing.server_running && listing.server == session.server) {
    const auto entry = std::ranges::find_if(
        listing.sessions, [&](const Session& listed) { return same_session(listed, session); });
    if (entry == listing.sessions.end()) return Liveness::kDead;
    if (!session.process) return Liveness::kUnknown;
    // Its pane may be kept though it has ended, or its server be late to notice.
    if (base::liveness(*session.process) == Liveness::kDead) return Liveness::kDead;
    // Else its pane was moved elsewhere, or others were added to the session.
    return entry->identity.process == session.process ? Liveness::kAlive : Liveness::kUnknown;
  }
  // No server, or another one under the same socket: ours may live on without a socket.
  if (base::liveness(*session.server) != Liveness::kDead) return Liveness::kUnknown;
  if (!session.process) return Liveness::kDead;
  return base::liveness(*session.process) == Liveness::kDead ? Liveness::kDead : Liveness::kUnknown;
}

}  // namespace

std::unique_ptr<SessionHost> make_tmux_host(TmuxOptions options) {
  return std::make_unique<TmuxHost>(std::move(options));
}

}  // namespace orc
