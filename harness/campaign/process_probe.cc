#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "harness/campaign/agent_processes.h"
#include "harness/campaign/session_probes.h"
#include "harness/supervise/process_table.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/process_environment.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

/// Where there is no server.
class ServerlessProbe : public SessionProbe {
 public:
  ServerlessProbe(RunPlace place, const Group& group) : place_(std::move(place)), group_(group) {}

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
    for (const Group::Member& member : group_.members()) {
      if (is_stand_in(member.pid)) kill_process(member.pid, SIGTERM);
    }
    for (const pid_t pid : bystanders_) kill_process(pid, SIGTERM);
    return {};
  }

 protected:
  [[nodiscard]] const RunPlace& place() const { return place_; }
  [[nodiscard]] const Group& group() const { return group_; }

 private:
  RunPlace place_;
  const Group& group_;
  std::vector<pid_t> bystanders_;
};

class MarkedProbe final : public ServerlessProbe {
 public:
  MarkedProbe(const RunPlace& place, const Group& group, SessionNaming naming)
      : ServerlessProbe(place, group), naming_(std::move(naming)) {}

  SessionsView look() override {
    SessionsView view;
    view.at.begin = base::monotonic_ns();
    for (const Group::Member& member : group().members()) {
      std::optional<ObservedSession> session = marked_session(member.pid, naming_);
      if (!session) continue;
      session->alive = is_stand_in(member.pid);
      view.sessions.push_back(*std::move(session));
    }
    std::ranges::sort(view.sessions, {}, &ObservedSession::name);
    view.at.end = base::monotonic_ns();
    return view;
  }

 private:
  SessionNaming naming_;
};

class RecordedProbe final : public ServerlessProbe {
 public:
  RecordedProbe(const RunPlace& place, const Group& group, const Target& target,
                const AgentNames& names)
      : ServerlessProbe(place, group), target_(target), names_(names) {}

  SessionsView look() override {
    SessionsView view;
    view.at.begin = base::monotonic_ns();
    const Observation registry = target_.observer().observe();
    // A damaged registry is an answer too: it knows of nobody.
    view.answered = !registry.not_looked;
    if (view.answered) add_all(view, registry);
    std::ranges::sort(view.sessions, {}, &ObservedSession::name);
    view.at.end = base::monotonic_ns();
    return view;
  }

 private:
  void add_all(SessionsView& view, const Observation& registry) const {
    const TargetFacts facts = target_.facts();
    std::set<std::int64_t> living;
    for (const Group::Member& member : group().members()) living.insert(member.pid);
    view.sessions =
        recorded_sessions(registry, facts, [&](std::int64_t pid) { return living.contains(pid); });
    if (!facts.agents_report) return;
    std::set<std::int64_t> recorded;
    for (const ObservedSession& session : view.sessions) recorded.insert(session.pid);
    const std::set<std::int64_t> houses = houses_of_agents(recorded);
    for (ObservedSession& session : view.sessions) session.alive = houses.contains(session.pid);
    add_unrecorded(view, recorded);
  }

  /// Agents that no record knows of.
  void add_unrecorded(SessionsView& view, const std::set<std::int64_t>& recorded) const {
    const auto agents = living_agents(group(), place().agent_log, names_);
    view.answered = agents.has_value();
    if (!agents) return;
    for (const auto& [agent, pids] : *agents) {
      for (const std::int64_t pid : pids) {
        if (is_below(pid, recorded)) continue;
        view.sessions.push_back(
            {.name = process_name(pid), .agent = agent, .marked = true, .pid = pid});
      }
    }
  }

  static bool is_below(std::int64_t pid, const std::set<std::int64_t>& recorded) {
    auto at = static_cast<pid_t>(pid);
    for (int up = 0; up < 64 && at > 1; ++up) {
      if (recorded.contains(at)) return true;
      const std::optional<ProcessStat> stat = read_stat(at);
      at = stat ? stat->parent : 0;
    }
    return false;
  }

  const Target& target_;
  const AgentNames& names_;
};

class EmptyProbe final : public ServerlessProbe {
 public:
  using ServerlessProbe::ServerlessProbe;
  SessionsView look() override {
    SessionsView view;
    view.at = {base::monotonic_ns(), base::monotonic_ns()};
    return view;
  }
};

}  // namespace

std::optional<ObservedSession> marked_session(pid_t pid, const SessionNaming& naming) {
  std::string buffer;
  const auto mark =
      base::find_variable(base::process_environment(pid, buffer), "SPAWNSTORM_SESSION");
  if (!mark) return std::nullopt;
  const std::vector<std::string> fields = split(*mark, ':');
  if (fields.size() < 3 || to_number(fields[1]) != pid) return std::nullopt;
  ObservedSession session;
  session.name = fields[0];
  session.pid = pid;
  session.marked = naming.value.empty() || fields[2] == naming.value;
  if (session.marked && session.name.starts_with(naming.prefix)) {
    session.agent = session.name.substr(naming.prefix.size());
  }
  return session;
}

std::vector<ObservedSession> recorded_sessions(const Observation& registry,
                                               const TargetFacts& facts,
                                               const std::function<bool(std::int64_t)>& lives) {
  std::vector<ObservedSession> sessions;
  std::set<std::int64_t> recorded;
  // Numbers are used again: of several records the active one's process it is.
  for (const bool active : {true, false}) {
    for (const ObservedAgent& agent : registry.agents) {
      if (!agent.pid || facts.active.contains(agent.status) != active) continue;
      if (!lives(*agent.pid) || !recorded.insert(*agent.pid).second) continue;
      sessions.push_back({.name = agent.session.empty() ? process_name(*agent.pid) : agent.session,
                          .agent = agent.id,
                          .marked = true,
                          .pid = *agent.pid});
    }
  }
  return sessions;
}

std::string process_name(std::int64_t pid) { return fmt::format("process {}", pid); }

std::unique_ptr<SessionProbe> make_process_probe(const RunPlace& place, const Group& group,
                                                 const SessionNaming& naming) {
  return std::make_unique<MarkedProbe>(place, group, naming);
}

std::unique_ptr<SessionProbe> make_recorded_probe(const RunPlace& place, const Group& group,
                                                  const Target& target, const AgentNames& names) {
  return std::make_unique<RecordedProbe>(place, group, target, names);
}

std::unique_ptr<SessionProbe> make_empty_probe(const RunPlace& place, const Group& group) {
  return std::make_unique<EmptyProbe>(place, group);
}

}  // namespace stress
