#include <algorithm>
#include <utility>

#include "harness/campaign/session_probes.h"
#include "harness/supervise/process_table.h"
#include "orchestrator/base/clock.h"

namespace stress {
namespace {

bool lives(std::int64_t pid) {
  const std::optional<ProcessStat> stat = read_stat(static_cast<pid_t>(pid));
  return stat && !stat->dead();
}

/// Sessions that are processes, among all of the machine's.
class LiveProcesses final : public SessionEyes {
 public:
  explicit LiveProcesses(const Target& target)
      : target_(target), naming_(target.session_naming()) {}

  SessionsView look() override {
    SessionsView view;
    view.at.begin = base::monotonic_ns();
    if (naming_.by_recorded_pid) {
      add_recorded(view);
    } else {
      add_marked(view);
    }
    std::ranges::sort(view.sessions, {}, &ObservedSession::name);
    view.at.end = base::monotonic_ns();
    return view;
  }

 private:
  /// Of active agents only: the number of one that ended long ago may be anybody's by now.
  void add_recorded(SessionsView& view) const {
    const TargetFacts facts = target_.facts();
    Observation registry = target_.observer().observe();
    view.answered = !registry.not_looked;
    std::erase_if(registry.agents,
                  [&](const ObservedAgent& agent) { return !facts.active.contains(agent.status); });
    view.sessions = recorded_sessions(registry, facts, lives);
  }

  void add_marked(SessionsView& view) const {
    for (const pid_t pid : all_processes()) {
      std::optional<ObservedSession> session = marked_session(pid, naming_);
      if (!session || !session->marked) continue;  // another workspace's are no business of ours
      session->alive = lives(pid);
      view.sessions.push_back(*std::move(session));
    }
  }

  const Target& target_;
  SessionNaming naming_;
};

class NoSessions final : public SessionEyes {
 public:
  SessionsView look() override {
    SessionsView view;
    view.at = {base::monotonic_ns(), base::monotonic_ns()};
    return view;
  }
};

}  // namespace

std::unique_ptr<SessionEyes> make_session_eyes(const RunPlace& place, const Target& target,
                                               const AgentNames& names) {
  if (place.sessions == "tmux") return make_tmux_probe(place, target.session_naming(), names);
  if (place.sessions == "none") return std::make_unique<NoSessions>();
  return std::make_unique<LiveProcesses>(target);
}

}  // namespace stress
