#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;
using check::QuietState;

std::string render(const ObservedSession& session) {
  return fmt::format("session {} of agent {}, {}process {}{}", check::quote(session.name),
                     session.agent.empty() ? "(unknown)" : session.agent,
                     session.marked ? "" : "unmarked, ", session.pid,
                     session.alive ? "" : " (no living agent)");
}

/// Why the record's session is not there as recorded; empty: it is.
std::string ghost_reason(const TargetFacts& target, const std::vector<ObservedSession>& sessions,
                         const ObservedAgent& agent) {
  const ObservedSession* match = nullptr;
  for (const ObservedSession& session : sessions) {
    const bool by_mark = session.agent == agent.id;
    const bool by_name =
        session.agent.empty() && !agent.session.empty() && session.name == agent.session;
    if (!by_mark && !by_name) continue;
    const bool exact = session.alive && (agent.session.empty() || session.name == agent.session);
    if (match == nullptr || exact) match = &session;
  }
  if (match == nullptr) return "has no session";
  if (target.sessions == "tmux" && !agent.session.empty() && match->name != agent.session) {
    return fmt::format("is recorded in session {}, but lives in {}", check::quote(agent.session),
                       render(*match));
  }
  if (agent.pid && *agent.pid != match->pid) {
    return fmt::format("is recorded as process {}, but {} stands in its place", *agent.pid,
                       render(*match));
  }
  if (!match->alive) return fmt::format("has only {}", render(*match));
  return "";
}

/// Judges the state at quiescence, where the target has sessions and the run came to rest: `judge`
/// tallies facts and violations, and says what was looked at.
template <class Judge>
report::InvariantResult at_quiescence(const Evidence& evidence, std::string_view id,
                                      std::string_view judged, const Judge& judge) {
  if (evidence.run.target.sessions == "none") {
    return check::Tally::not_applicable(id, "the target has no sessions");
  }
  check::Tally tally(evidence, id);
  const auto quiet = check::quiet_state(evidence);
  if (!quiet) {
    tally.missing(quiet.error());
    return std::move(tally).finish(fmt::format("no {} judged", judged));
  }
  std::string looked_at = judge(evidence, *quiet, tally);
  return std::move(tally).finish(std::move(looked_at));
}

std::string find_ghosts(const Evidence& evidence, const QuietState& quiet, check::Tally& tally) {
  const TargetFacts& target = evidence.run.target;
  const std::set<std::string>& claims =
      target.claims_session.empty() ? target.active : target.claims_session;
  std::uint64_t claiming = 0;
  // Each record is a fact: it claims no session, or it has one.
  for (const auto& [id, agent] : quiet.records) {
    tally.fact();
    if (!claims.contains(agent.status) || quiet.quiescence->in_motion.contains(id)) continue;
    ++claiming;
    const std::string reason = ghost_reason(target, quiet.quiescence->sessions, agent);
    if (reason.empty()) continue;
    tally.violation({.summary = fmt::format("Agent {} is {} in the registry at quiescence, and {}.",
                                            id, check::quote(agent.status), reason),
                     .agent = id,
                     .at = quiet.at,
                     .after = check::render(agent)});
  }
  return fmt::format("{} at quiescence, {} of them with a claim to a session",
                     count_of(quiet.records.size(), "record"), claiming);
}

std::string find_orphans(const Evidence& evidence, const QuietState& quiet, check::Tally& tally) {
  const TargetFacts& target = evidence.run.target;
  std::uint64_t marked = 0;
  for (const ObservedSession& session : quiet.quiescence->sessions) {
    tally.fact();
    if (!session.marked || quiet.quiescence->in_motion.contains(session.agent)) continue;
    ++marked;
    const ObservedAgent* record = check::find_record(quiet.records, session.agent);
    if (record != nullptr && check::is_active(target, record->status)) continue;
    const bool finished = record != nullptr && check::is_terminal(target, record->status);
    if (finished && target.keeps_finished_sessions) continue;
    const std::string why = record == nullptr
                                ? "its agent has no record"
                                : "its agent's record is " + check::quote(record->status);
    tally.violation(
        {.summary = fmt::format("Agent {}: session {} (process {}) is there at quiescence, "
                                "and {}.",
                                session.agent.empty() ? "(unknown)" : session.agent,
                                check::quote(session.name), session.pid, why),
         .agent = session.agent,
         .at = quiet.at,
         .after = check::render(record)});
  }
  // That the host listed no session is a fact too, once there was something to list.
  if (tally.facts() == 0 && !quiet.records.empty()) tally.fact();
  return fmt::format("{} at quiescence, {} of them marked",
                     count_of(quiet.quiescence->sessions.size(), "session"), marked);
}

/// How often an agent stands in each of the three places.
struct Standing {
  std::size_t records = 0;
  std::size_t sessions = 0;
  std::size_t living = 0;
};

std::map<std::string, Standing> three_ways(const TargetFacts& target, const QuietState& quiet) {
  std::map<std::string, Standing> standing;
  for (const auto& [id, agent] : quiet.records) {
    if (check::is_active(target, agent.status)) ++standing[id].records;
  }
  for (const ObservedSession& session : quiet.quiescence->sessions) {
    if (session.marked) ++standing[session.agent].sessions;
  }
  for (const auto& [id, pids] : quiet.quiescence->living_agents) {
    if (!pids.empty()) standing[id].living += pids.size();
  }
  if (target.keeps_finished_sessions) {
    std::erase_if(standing, [&](const auto& entry) {
      const ObservedAgent* record = check::find_record(quiet.records, entry.first);
      return record != nullptr && check::is_terminal(target, record->status);
    });
  }
  return standing;
}

std::string compare_three_ways(const Evidence& evidence, const QuietState& quiet,
                               check::Tally& tally) {
  const TargetFacts& target = evidence.run.target;
  const std::map<std::string, Standing> standing = three_ways(target, quiet);
  const bool heard = !evidence.lives.empty() || !quiet.quiescence->living_agents.empty();
  const bool judge_living = target.agents_report && (heard || standing.empty());
  if (target.agents_report && !judge_living) tally.missing("no agent told its birth");
  tally.fact(quiet.records.size());
  for (const auto& [id, count] : standing) {
    const bool matched =
        count.records == 1 && count.sessions == 1 && (!judge_living || count.living == 1);
    if (matched) continue;
    tally.violation(
        {.summary = fmt::format(
             "Agent {} has {}, {}{} at quiescence.", id.empty() ? "(unknown)" : id,
             count_of(count.records, "active record"), count_of(count.sessions, "marked session"),
             judge_living ? fmt::format(" and {}", fmt::format("{} living process{}", count.living,
                                                               count.living == 1 ? "" : "es"))
                          : ""),
         .agent = id,
         .at = quiet.at,
         .after = check::render(check::find_record(quiet.records, id))});
  }
  return fmt::format("{}, {} and {} at quiescence{}", count_of(quiet.records.size(), "record"),
                     count_of(quiet.quiescence->sessions.size(), "session"),
                     count_of(quiet.quiescence->living_agents.size(), "living agent"),
                     target.agents_report ? "" : "; its agents do not tell their births");
}

}  // namespace

report::InvariantResult check_no_ghosts(const Evidence& evidence) {
  return at_quiescence(evidence, "no-ghosts", "record", find_ghosts);
}

report::InvariantResult check_no_orphans(const Evidence& evidence) {
  return at_quiescence(evidence, "no-orphans", "session", find_orphans);
}

report::InvariantResult check_three_way_match(const Evidence& evidence) {
  return at_quiescence(evidence, "three-way-match", "agent", compare_three_ways);
}

}  // namespace stress
