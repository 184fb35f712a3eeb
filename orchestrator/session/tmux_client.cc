#include "orchestrator/session/tmux_client.h"

#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "orchestrator/base/subprocess.h"

namespace orc {
namespace {

/// The folder of sockets named by -L.
std::filesystem::path socket_folder() {
  const char* folder = std::getenv("TMUX_TMPDIR");  // NOLINT(concurrency-mt-unsafe): never set here
  const std::filesystem::path base = folder != nullptr && *folder != '\0' ? folder : "/tmp";
  std::error_code ignored;
  return std::filesystem::absolute(base, ignored) / fmt::format("tmux-{}", ::getuid());
}

std::filesystem::path path_of(const std::string& socket) {
  if (socket.starts_with('/')) return socket;
  return socket_folder() / (socket.empty() ? "default" : socket);
}

base::Status check_socket(const std::string& socket) {
  if (!socket.starts_with('/') && socket.contains('/')) {
    return base::fail(base::Errc::kInvalid, "tmux socket {} is neither a name nor an absolute path",
                      socket);
  }
  const std::filesystem::path path = path_of(socket);
  if (path.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return base::fail(base::Errc::kInvalid,
                      "tmux socket {} is too long: {} bytes, at most {}; set TMUX_TMPDIR to a "
                      "shorter folder",
                      path.string(), path.native().size(), sizeof(sockaddr_un::sun_path) - 1);
  }
  return {};
}

/// A client inside of tmux would take its server and its current session from TMUX. The folder of
/// sockets must not depend on the folder that the client starts in.
std::vector<std::string> client_environment() {
  auto variables = base::current_environment();
  std::erase_if(variables, [](const std::string& variable) {
    return variable.starts_with("TMUX=") || variable.starts_with("TMUX_PANE=");
  });
  for (std::string& variable : variables) {
    constexpr std::string_view kFolder = "TMUX_TMPDIR=";
    if (variable.starts_with(kFolder) && variable.size() > kFolder.size() &&
        variable[kFolder.size()] != '/') {
      variable = std::string(kFolder) + socket_folder().parent_path().string();
    }
  }
  return variables;
}

}  // namespace

TmuxVerdict classify_tmux(int exit_code, std::string_view err) {
  if (exit_code == 0) return TmuxVerdict::kOk;
  if (err.starts_with("no server running on ")) return TmuxVerdict::kNoServer;
  // 'Permission denied' comes with the same beginning, and says nothing about the server.
  if (err.starts_with("error connecting to ") && err.ends_with("(No such file or directory)")) {
    return TmuxVerdict::kNoServer;
  }
  if (err == "server exited unexpectedly" || err == "lost server" || err == "server exited") {
    return TmuxVerdict::kServerExited;
  }
  if (err.starts_with("duplicate session: ")) return TmuxVerdict::kDuplicate;
  if (err.starts_with("can't find session: ") || err.starts_with("can't find pane: ") ||
      err.starts_with("can't find window: ")) {
    return TmuxVerdict::kNoSuchSession;
  }
  if (err == "no current target") return TmuxVerdict::kNoSessions;
  if (err == "command too long") return TmuxVerdict::kTooLong;
  return TmuxVerdict::kOther;
}

TmuxClient::TmuxClient(TmuxOptions options) : options_(std::move(options)) {}

std::filesystem::path TmuxClient::socket_path() const { return path_of(options_.socket); }

base::Result<TmuxReply> TmuxClient::call(const std::vector<std::string>& arguments, Server server,
                                         const std::filesystem::path& cwd) const {
  if (auto status = check_socket(options_.socket); !status) {
    return std::unexpected(std::move(status.error()));
  }
  base::Command command;
  command.argv = {options_.tmux};
  if (server == Server::kMustRun) command.argv.emplace_back("-N");
  // Read only by a server that starts: what the user likes in their own must not touch ours.
  if (options_.private_server) command.argv.insert(command.argv.end(), {"-f", "/dev/null"});
  if (!options_.socket.empty()) {
    command.argv.emplace_back(options_.socket.starts_with('/') ? "-S" : "-L");
    command.argv.push_back(options_.socket);
  }
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = client_environment();
  command.cwd = cwd;
  command.timeout = options_.timeout;
  auto outcome = base::run(command);
  if (!outcome) {
    if (!cwd.empty() && !std::filesystem::is_directory(cwd)) {
      outcome.error().code = base::Errc::kInvalid;
    } else if (outcome.error().code != base::Errc::kTimeout) {
      outcome.error().code = base::Errc::kUnavailable;
    }
    return std::unexpected(std::move(outcome.error()));
  }
  TmuxReply reply{.verdict = TmuxVerdict::kTimeout,
                  .out = std::move(outcome->out),
                  .err = std::move(outcome->err)};
  while (reply.err.ends_with('\n')) reply.err.pop_back();
  if (!outcome->timed_out) reply.verdict = classify_tmux(outcome->exit_code, reply.err);
  return reply;
}

std::unexpected<base::Error> tmux_failure(const TmuxReply& reply, std::string_view step) {
  switch (reply.verdict) {
    case TmuxVerdict::kTimeout:
      return base::fail(base::Errc::kTimeout, "{}: tmux did not answer in time", step);
    case TmuxVerdict::kTooLong:
      return base::fail(base::Errc::kInvalid, "{}: the command is too long for tmux", step);
    default:
      return base::fail(base::Errc::kUnavailable, "{}: tmux says '{}'", step, reply.err);
  }
}

}  // namespace orc
