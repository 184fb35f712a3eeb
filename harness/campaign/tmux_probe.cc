#include <signal.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "harness/campaign/agent_processes.h"
#include "harness/campaign/session_probes.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/process_identity.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

constexpr char kSeparator = '|';

class TmuxProbe : public SessionProbe {
 public:
  TmuxProbe(RunPlace place, SessionNaming naming, const AgentNames& names)
      : place_(std::move(place)), naming_(std::move(naming)), names_(names) {}

  SessionsView look() override {
    SessionsView view;
    view.at.begin = base::monotonic_ns();
    const std::string option = naming_.option.empty() ? "" : fmt::format("#{{{}}}", naming_.option);
    const auto outcome =
        tmux({"-N", "list-panes", "-a", "-F",
              fmt::format("#{{pane_pid}}{0}#{{pane_dead}}{0}{1}{0}#{{session_name}}", kSeparator,
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
    if (naming_.agents_are_stand_ins) look_inside(view);
    keep_one_pane_each(view);
    return view;
  }

  Struck kill_session(const ObservedSession& session) override {
    return struck(tmux({"-N", "kill-session", "-t", "=" + session.name}));
  }

  Struck kill_server(bool abruptly) override {
    const auto outcome = tmux({"-N", "display-message", "-p", "#{pid}"});
    if (!outcome || !outcome->ok()) return Struck::kNothingThere;  // nothing was asked of it yet
    const auto server = base::identify(static_cast<pid_t>(to_number(outcome->out)));
    if (!server) return Struck::kNothingThere;
    killed_ = *server;
    if (!abruptly) {
      const Struck told = struck(tmux({"-N", "kill-server"}));
      if (!base::wait_dead(*server, std::chrono::seconds(2))) finish_off(*server);
      return told;
    }
    return base::signal_process(*server, SIGKILL) ? Struck::kYes : Struck::kNothingThere;
  }

  base::Status start_server() override {
    const std::vector<std::string> keeper = {
        "-f",    "/dev/null", "new-session", "-d", "-s", std::string(kHarnessSessions) + "keeper",
        "sleep", "infinity"};
    for (int attempt = 0;; ++attempt) {
      const auto outcome = tmux(keeper);
      if (!outcome) return std::unexpected(outcome.error());
      if (outcome->ok() || outcome->err.starts_with("duplicate session")) return {};
      if (attempt == 3 || !outcome->err.starts_with("server exited")) {
        return base::fail(base::Errc::kUnavailable, "cannot start a private tmux server: {}",
                          outcome->timed_out ? "no answer" : outcome->err);
      }
      if (killed_) finish_off(*killed_);
    }
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

  /// Told to exit while a client was about to make a session, a server hangs up on everybody and
  /// lives on. It was ours to kill, and until it is dead it accepts new clients.
  static void finish_off(const base::ProcessIdentity& server) {
    (void)base::signal_process(server, SIGKILL);
    (void)base::wait_dead(server, std::chrono::seconds(10));
  }

  /// A server that dies under its client's hands may have done all it was asked before.
  static Struck struck(const base::Result<base::Outcome>& outcome) {
    if (!outcome) return Struck::kPerhaps;
    if (outcome->ok()) return Struck::kYes;
    const bool nothing = says_no_server(outcome->err) ||
                         outcome->err.starts_with("can't find session") ||
                         outcome->err.starts_with("no current target");  // not one is left
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

  /// A target's session may have any name, so that stands last.
  void add(SessionsView& view, const std::string& line) const {
    const std::vector<std::string> fields = split(line, kSeparator);
    if (fields.size() < 4) return;
    ObservedSession session;
    session.pid = to_number(fields[0]);
    session.alive = fields[1] != "1";
    session.name =
        line.substr(fields[0].size() + fields[1].size() + fields[2].size() + std::size_t{3});
    const bool named = naming_.agent_of(session.name).has_value();
    session.marked = naming_.option.empty() ? named : fields[2] == naming_.value;
    if (named && session.marked) session.agent = names_.of_session(session.name);
    view.sessions.push_back(std::move(session));
  }

  /// A pane lives as long as an agent lives in it.
  static void look_inside(SessionsView& view) {
    std::set<std::int64_t> panes;
    for (const ObservedSession& session : view.sessions) {
      if (session.marked && session.alive) panes.insert(session.pid);
    }
    const std::set<std::int64_t> houses = houses_of_agents(panes);
    for (ObservedSession& session : view.sessions) {
      session.alive = session.alive && houses.contains(session.pid);
    }
  }

  /// A session may have several: the pane that a record names counts, else one in which an agent
  /// lives, else the first.
  void keep_one_pane_each(SessionsView& view) const {
    std::ranges::stable_sort(view.sessions, {}, [&](const ObservedSession& session) {
      return std::tuple(session.name, !names_.is_recorded(session.pid), !session.alive);
    });
    const auto more = std::ranges::unique(view.sessions, {}, &ObservedSession::name);
    view.sessions.erase(more.begin(), more.end());
  }

  RunPlace place_;
  SessionNaming naming_;
  const AgentNames& names_;
  std::optional<base::ProcessIdentity> killed_;  ///< the server that was killed last
};

}  // namespace

std::unique_ptr<SessionProbe> make_tmux_probe(const RunPlace& place, const SessionNaming& naming,
                                              const AgentNames& names) {
  return std::make_unique<TmuxProbe>(place, naming, names);
}

}  // namespace stress
