#include "harness/campaign/session_probe.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "harness/supervise/process_table.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/process_environment.h"
#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

constexpr std::string_view kAgentProgram = "spawnstorm-agent";
constexpr char kSeparator = '|';  // in no session name: those are [A-Za-z0-9_-]

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::int64_t to_number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// argv[0] of a stand-in agent; a gate has its name further behind. Its folder may contain spaces.
bool is_agent(const std::string& command) {
  const std::size_t at = command.find(kAgentProgram);
  return at != std::string::npos &&
         command.compare(at, kAgentProgram.size() + 1, std::string(kAgentProgram) + " ") == 0 &&
         command.rfind(" gate ", at) == std::string::npos;
}

bool runs_agent(std::int64_t pid) {
  const std::optional<ProcessStat> stat = read_stat(static_cast<pid_t>(pid));
  return stat && !stat->dead() && is_agent(command_line(static_cast<pid_t>(pid)));
}

bool kill_process(std::int64_t pid, int signal_number) {
  const base::UniqueFd process(
      static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  return process.valid() &&
         syscall(SYS_pidfd_send_signal, process.get(), signal_number, nullptr, 0) == 0;
}

class TmuxProbe : public SessionProbe {
 public:
  TmuxProbe(RunPlace place, SessionNaming naming)
      : place_(std::move(place)), naming_(std::move(naming)) {}

  SessionsView look() override {
    SessionsView view;
    view.at.begin = base::monotonic_ns();
    const std::string option = naming_.option.empty() ? "" : fmt::format("#{{{}}}", naming_.option);
    const auto outcome =
        tmux({"-N", "list-panes", "-a", "-F",
              fmt::format("#{{session_name}}{0}#{{pane_pid}}{0}#{{pane_dead}}{0}{1}", kSeparator,
                          option)});
    view.at.end = base::monotonic_ns();
    if (!outcome || outcome->timed_out) {
      view.answered = false;
      return view;
    }
    if (!outcome->ok()) {
      view.server_running = false;
      view.answered = says_no_server(outcome->err);
      return view;
    }
    for (const std::string& line : split(outcome->out, '\n')) add(view, line);
    return view;
  }

  Struck kill_session(const ObservedSession& session) override {
    return struck(tmux({"-N", "kill-session", "-t", "=" + session.name}));
  }

  Struck kill_server(bool abruptly) override {
    const auto outcome = tmux({"-N", "display-message", "-p", "#{pid}"});
    if (!outcome || !outcome->ok()) return Struck::kNothingThere;  // nothing was asked of it yet
    killed_ = to_number(outcome->out);
    if (!abruptly) return struck(tmux({"-N", "kill-server"}));
    return kill_process(killed_, SIGKILL) ? Struck::kYes : Struck::kNothingThere;
  }

  base::Status start_server() override {
    const std::vector<std::string> keeper = {"-f", "/dev/null",     "new-session", "-d",
                                             "-s", "stress-keeper", "sleep",       "infinity"};
    auto outcome = tmux(keeper);
    if (outcome && outcome->err.starts_with("duplicate session")) return {};
    if (outcome && outcome->err.starts_with("server exited") && killed_ != 0) {
      // Told to exit while a client was about to make a session, a server hangs up on everybody and
      // lives on. The storm is over, and it was ours.
      kill_process(killed_, SIGKILL);
      outcome = tmux(keeper);
    }
    if (!outcome) return std::unexpected(outcome.error());
    if (!outcome->ok()) {
      return base::fail(base::Errc::kUnavailable, "cannot start a private tmux server: {}",
                        outcome->timed_out ? "no answer" : outcome->err);
    }
    return {};
  }

  base::Result<std::int64_t> start_bystander(const std::string& name) override {
    const auto outcome = tmux(
        {"-N", "new-session", "-d", "-P", "-F", "#{pane_pid}", "-s", name, "sleep", "infinity"});
    if (!outcome) return std::unexpected(outcome.error());
    if (!outcome->ok()) {
      return base::fail(base::Errc::kUnavailable, "cannot start the session {}: {}", name,
                        outcome->err);
    }
    return to_number(outcome->out);
  }

  base::Status shut_down() override {
    const auto outcome = tmux({"-N", "kill-server"});
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->ok()) return {};
    return base::fail(base::Errc::kUnavailable, "the tmux server was not told to end: {}",
                      outcome->timed_out ? "no answer" : outcome->err);
  }

 private:
  static bool says_no_server(const std::string& err) {
    return err.starts_with("no server running on") ||
           (err.starts_with("error connecting to") &&
            (err.contains("No such file") || err.contains("Connection refused")));
  }

  /// A server that dies under its client's hands may have done all it was asked before.
  static Struck struck(const base::Result<base::Outcome>& outcome) {
    if (!outcome) return Struck::kPerhaps;
    if (outcome->ok()) return Struck::kYes;
    const bool nothing =
        says_no_server(outcome->err) || outcome->err.starts_with("can't find session");
    return nothing && !outcome->timed_out ? Struck::kNothingThere : Struck::kPerhaps;
  }

  base::Result<base::Outcome> tmux(std::vector<std::string> arguments) const {
    base::Command command;
    command.argv = {"tmux", "-S", place_.tmux_socket.string()};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.env = place_.env;
    command.timeout = std::chrono::seconds(30);
    return base::run(command);
  }

  void add(SessionsView& view, const std::string& line) const {
    const std::vector<std::string> fields = split(line, kSeparator);
    if (fields.size() < 4) return;
    ObservedSession session;
    session.name = fields[0];
    session.pid = to_number(fields[1]);
    session.alive = fields[2] != "1" && runs_agent(session.pid);
    const bool named = session.name.starts_with(naming_.prefix);
    session.marked = naming_.option.empty() ? named : fields[3] == naming_.value;
    if (named && session.marked) session.agent = session.name.substr(naming_.prefix.size());
    view.sessions.push_back(std::move(session));
  }

  RunPlace place_;
  SessionNaming naming_;
  std::int64_t killed_ = 0;  ///< the server that was killed last
};

/// Sessions are processes marked by their environment: SPAWNSTORM_SESSION=<name>:<pid>:….
class ProcessProbe : public SessionProbe {
 public:
  ProcessProbe(RunPlace place, const Group& group, SessionNaming naming)
      : place_(std::move(place)), group_(group), naming_(std::move(naming)) {}

  SessionsView look() override {
    SessionsView view;
    view.at.begin = base::monotonic_ns();
    for (const Group::Member& member : group_.members()) add(view, member);
    std::ranges::sort(view.sessions, {}, &ObservedSession::name);
    view.at.end = base::monotonic_ns();
    return view;
  }

  Struck kill_session(const ObservedSession& session) override {
    return kill_process(session.pid, SIGKILL) ? Struck::kYes : Struck::kNothingThere;
  }
  Struck kill_server(bool) override { return Struck::kNothingThere; }
  base::Status start_server() override { return {}; }

  base::Result<std::int64_t> start_bystander(const std::string&) override {
    base::Command command;
    command.argv = {"sleep", "infinity"};
    command.env = place_.env;
    const auto process = base::start_detached(command, {});
    if (!process) return std::unexpected(process.error());
    bystanders_.push_back(process->pid);
    return process->pid;
  }

  base::Status shut_down() override {
    for (const ObservedSession& session : look().sessions) kill_process(session.pid, SIGTERM);
    for (const pid_t pid : bystanders_) kill_process(pid, SIGTERM);
    return {};
  }

 private:
  void add(SessionsView& view, const Group::Member& member) const {
    std::string buffer;
    const auto mark =
        base::find_variable(base::process_environment(member.pid, buffer), "SPAWNSTORM_SESSION");
    if (!mark) return;
    const std::vector<std::string> fields = split(*mark, ':');
    if (fields.size() < 3 || to_number(fields[1]) != member.pid) return;
    ObservedSession session;
    session.name = fields[0];
    session.pid = member.pid;
    session.alive = is_agent(member.command);
    session.marked = naming_.value.empty() || fields[2] == naming_.value;
    if (session.marked && session.name.starts_with(naming_.prefix)) {
      session.agent = session.name.substr(naming_.prefix.size());
    }
    view.sessions.push_back(std::move(session));
  }

  RunPlace place_;
  const Group& group_;
  SessionNaming naming_;
  std::vector<pid_t> bystanders_;
};

}  // namespace

std::unique_ptr<SessionProbe> make_session_probe(const RunPlace& place, const Group& group,
                                                 const SessionNaming& naming) {
  if (place.sessions == "process") return std::make_unique<ProcessProbe>(place, group, naming);
  return std::make_unique<TmuxProbe>(place, naming);
}

std::map<std::string, std::vector<std::int64_t>> living_agents(
    const Group& group, const std::filesystem::path& agent_log) {
  const std::string log = fmt::format(" {} ", agent_log.native());
  std::map<std::string, std::vector<std::int64_t>> living;
  for (const Group::Member& member : group.members()) {
    if (!is_agent(member.command) || !member.command.contains(log)) continue;
    // A log's path may contain spaces, an agent's id does not: it is the last argument.
    living[split(member.command, ' ').back()].push_back(member.pid);
  }
  return living;
}

}  // namespace stress
