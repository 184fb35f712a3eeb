#include "harness/explore/actors.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "harness/campaign/agent_processes.h"
#include "harness/schedule/access.h"
#include "orchestrator/base/clock.h"
#include "orchestrator/base/process_identity.h"

namespace stress {
namespace {

using namespace std::chrono_literals;

/// Ends the first living process of the agent's, and not the session around it.
Struck end_process_of(const std::string& agent, Stage& stage) {
  const auto living = living_agents(stage.group(), stage.place().agent_log, stage.names());
  if (!living) return Struck::kNothingThere;
  const auto pids = living->find(agent);
  if (pids == living->end() || pids->second.empty()) return Struck::kNothingThere;
  const auto process = base::identify(static_cast<pid_t>(pids->second.front()));
  if (!process || !base::signal_process(*process, SIGKILL)) return Struck::kNothingThere;
  return base::wait_dead(*process, 2s) ? Struck::kYes : Struck::kPerhaps;
}

/// Ends a session, or an agent in its session, and says of which agent. What the end of an agent
/// sets going in its session is not over with it: so everybody stands when that comes.
std::string strike(bool session, Stage& stage, Arena& arena, Collector& collector) {
  Fault fault;
  Struck struck = Struck::kNothingThere;
  arena.while_servers_run([&] {
    const SessionsView view = stage.probe().look();
    const auto living = std::ranges::find_if(
        view.sessions, [](const ObservedSession& one) { return one.marked && one.alive; });
    if (living == view.sessions.end()) return;
    fault = {.at = base::monotonic_ns(),
             .kind = kSessionKillWord,
             .agent = living->agent,
             .detail = living->name};
    if (session) struck = stage.probe().kill_session(*living);
  });
  if (!session && !fault.agent.empty()) struck = end_process_of(fault.agent, stage);
  if (struck == Struck::kNothingThere) return "there is none";
  collector.with([&](Evidence& evidence) { evidence.faults.push_back(fault); });
  return fmt::format("{} of agent {}", fault.detail, fault.agent);
}

}  // namespace

std::vector<Actor> actors_of(const std::vector<SceneOperation>& operations, Stage& stage,
                             Arena& arena, Collector& collector) {
  Op connection;
  connection.sys = Sys::kConnect;
  connection.path = stage.place().tmux_socket.string();
  std::vector<Actor> actors;
  for (const SceneOperation& operation : operations) {
    if (!operation.is_harness()) continue;
    Actor actor;
    actor.label = operation.label;
    if (const auto pause = pause_of(operation.word)) {
      actor.call = {.key = operation.word,
                    .words = fmt::format("{:g} s pass", pause->count()),
                    .kind = kPauseWord};
      actor.act = [pause] {
        std::this_thread::sleep_for(*pause);
        return std::string();
      };
    } else {
      const bool session = operation.word == kSessionKillWord;
      const char* words = session ? "end a session" : "end an agent's process";
      actor.call = {.key = words, .words = words, .kind = operation.word};
      actor.accesses = accesses_of(connection);
      actor.act = [session, &stage, &arena, &collector] {
        return strike(session, stage, arena, collector);
      };
    }
    actors.push_back(std::move(actor));
  }
  return actors;
}

}  // namespace stress
