#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;

/// Says once for each scope that a limit is exceeded, until it is kept again.
class LimitJudge {
 public:
  explicit LimitJudge(check::Tally& tally) : tally_(tally) {}

  void compare(const std::string& scope, std::string_view what, std::int64_t number,
               std::optional<int> limit, Nanoseconds at, const std::string& agent) {
    if (!limit) return;
    tally_.fact();
    bool& exceeded = exceeded_[{scope, what}];
    const bool news = number > *limit && !exceeded;
    exceeded = number > *limit;
    if (!news) return;
    tally_.violation(
        {.summary = fmt::format("{} {}{} at {}, {} allowed{}.", number, what,
                                scope.empty() ? "" : " in task " + scope, tally_.story().when(at),
                                *limit, agent.empty() ? "" : "; the last to come was " + agent),
         .agent = agent,
         .at = at});
  }

 private:
  check::Tally& tally_;
  std::map<std::pair<std::string, std::string_view>, bool> exceeded_;
};

void check_snapshots(const Evidence& evidence, check::Tally& tally, LimitJudge& judge) {
  const TargetFacts& target = evidence.run.target;
  const Snapshot* last = check::final_snapshot(evidence);
  check::Recounter recounter(target);
  SnapshotCursor cursor;
  std::unordered_set<std::string_view> too_deep;
  const auto judge_depth = [&](const ObservedAgent& agent, const Snapshot& snapshot) {
    if (!target.max_depth || !agent.depth) return;
    tally.fact();
    if (*agent.depth <= *target.max_depth || !too_deep.insert(agent.id).second) return;
    tally.violation({.summary = fmt::format("Agent {} stands at depth {}, {} allowed.", agent.id,
                                            *agent.depth, *target.max_depth),
                     .agent = agent.id,
                     .at = snapshot.at.end,
                     .after = check::render(agent)});
  };
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (!snapshot.readable) continue;
    recounter.apply(snapshot);
    if (!target.limits_always) cursor.apply(snapshot);
    if (!target.limits_always && &snapshot != last) continue;
    const std::string newest = snapshot.changed.empty() ? "" : snapshot.changed.back().id;
    const auto compare = [&](const std::string& scope, const check::Recount& recount) {
      judge.compare(scope, "active agents", recount.active, target.max_concurrent, snapshot.at.end,
                    newest);
      judge.compare(scope, "admitted agents", recount.total, target.max_agents, snapshot.at.end,
                    newest);
    };
    if (!target.limits_per_task) compare("", recounter.all());
    if (target.limits_per_task) {
      for (const auto& [task, recount] : recounter.by_task()) compare(task, recount);
    }
    if (target.limits_always) {
      for (const ObservedAgent& agent : snapshot.changed) judge_depth(agent, snapshot);
    } else {
      for (const auto& [id, agent] : cursor.agents()) judge_depth(agent, snapshot);
    }
  }
  if (last == nullptr || !last->readable) tally.missing("no final snapshot of the registry");
}

/// Which task an agent belongs to; all to one where limits are of all together.
class Scopes {
 public:
  explicit Scopes(const Evidence& evidence) {
    if (!evidence.run.target.limits_per_task) return;
    for (const auto& [id, spawn] : check::acked_spawns(evidence)) tasks_.emplace(id, spawn->task);
    for (const Snapshot& snapshot : evidence.snapshots) {
      for (const ObservedAgent& agent : snapshot.changed)
        tasks_.insert_or_assign(agent.id, agent.task);
    }
  }
  [[nodiscard]] std::string of(std::string_view agent) const {
    const auto found = tasks_.find(agent);
    return found == tasks_.end() ? "" : std::string(found->second);
  }

 private:
  std::unordered_map<std::string_view, std::string_view> tasks_;
};

/// Living agents at each birth. An agent counts from its birth until its death or until something
/// was begun that may end it.
void check_births(const Evidence& evidence, LimitJudge& judge) {
  struct Event {
    Nanoseconds at;
    int order;  // at one moment: ends first, for the benefit of the doubt
    const AgentLife* life;
    std::string_view released;
  };
  const check::Endings endings(evidence);
  const Scopes scopes(evidence);
  std::vector<Event> events;
  std::unordered_set<std::string_view> known;
  for (const AgentLife& life : evidence.lives) {
    events.push_back({life.at, life.birth ? 2 : 1, &life, {}});
    if (!known.insert(life.agent).second) continue;
    if (const auto at = endings.first_request(life.agent)) {
      events.push_back({*at, 0, nullptr, life.agent});
    }
  }
  for (const Nanoseconds at : endings.server_kills()) events.push_back({at, 0, nullptr, {}});
  std::ranges::stable_sort(events, {}, [](const Event& e) { return std::pair(e.at, e.order); });

  std::unordered_map<std::string_view, std::unordered_set<std::int64_t>> living;
  std::unordered_set<std::string_view> released;
  std::map<std::string, std::int64_t> count;
  const auto end = [&](std::string_view agent) {
    if (living.erase(agent) > 0) --count[scopes.of(agent)];
  };
  for (const Event& event : events) {
    if (event.life == nullptr && event.released.empty()) {
      living.clear();
      count.clear();
    } else if (event.life == nullptr) {
      released.insert(event.released);
      end(event.released);
    } else if (!event.life->birth) {
      const auto found = living.find(event.life->agent);
      if (found == living.end()) continue;
      found->second.erase(event.life->pid);
      if (found->second.empty()) end(event.life->agent);
    } else if (!released.contains(event.life->agent)) {
      auto& pids = living[event.life->agent];
      const std::string scope = scopes.of(event.life->agent);
      if (pids.empty()) ++count[scope];
      pids.insert(event.life->pid);
      judge.compare(scope, "living agents", count[scope], evidence.run.target.max_concurrent,
                    event.at, event.life->agent);
    }
  }
}

void check_quiet(const Evidence& evidence, check::Tally& tally, LimitJudge& judge) {
  const auto quiet = check::quiet_state(evidence);
  if (!quiet) {
    tally.missing(quiet.error());
    return;
  }
  const check::Endings endings(evidence);
  const Scopes scopes(evidence);
  std::map<std::string, std::int64_t> count;
  for (const auto& [agent, pids] : quiet->quiescence->living_agents) {
    if (!pids.empty() && !endings.first_request(agent)) ++count[scopes.of(agent)];
  }
  if (count.empty()) count[""] = 0;
  for (const auto& [scope, number] : count) {
    judge.compare(scope, "living agents", number, evidence.run.target.max_concurrent, quiet->at,
                  "");
  }
}

}  // namespace

report::InvariantResult check_limits_hold(const Evidence& evidence) {
  constexpr std::string_view kId = "limits-hold";
  const TargetFacts& target = evidence.run.target;
  if (!target.max_concurrent && !target.max_agents && !target.max_depth) {
    return check::Tally::not_applicable(kId, "the target has no limits");
  }
  check::Tally tally(evidence, kId);
  LimitJudge judge(tally);
  check_snapshots(evidence, tally, judge);
  if (target.limits_always) {
    check_births(evidence, judge);
  } else if (target.max_concurrent && target.sessions != "none") {
    check_quiet(evidence, tally, judge);
  }
  const auto births = std::ranges::count_if(evidence.lives, &AgentLife::birth);
  return std::move(tally).finish(
      fmt::format("{}, {}, limits held {}", count_of(evidence.snapshots.size(), "snapshot"),
                  count_of(static_cast<std::uint64_t>(births), "birth"),
                  target.limits_always ? "at each moment" : "at quiescence"));
}

}  // namespace stress
