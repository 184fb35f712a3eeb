#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;

std::string harm_to(const Bystander& bystander) {
  if (bystander.kind == "stranger") {
    return fmt::format("A stranger that was given the pid of agent {} was not left alone.",
                       bystander.name);
  }
  return fmt::format("The {} {} was healthy and did not come through repair untouched.",
                     bystander.kind, bystander.name);
}

void check_bystanders(const Evidence& evidence, check::Tally& tally, Nanoseconds at) {
  for (const Bystander& bystander : evidence.bystanders) {
    tally.fact();
    if (bystander.before == bystander.after) continue;
    const bool names_agent = bystander.kind == "agent" || bystander.kind == "stranger";
    tally.violation({.summary = harm_to(bystander),
                     .agent = names_agent ? bystander.name : "",
                     .at = at,
                     .before = bystander.before,
                     .after = bystander.after.empty() ? "(gone)" : bystander.after});
  }
}

/// Acknowledged agents whose end nothing in the history asked for.
class Unprovoked {
 public:
  Unprovoked(const Evidence& evidence, check::Tally& tally)
      : evidence_(evidence),
        tally_(tally),
        acked_(check::acked_spawns(evidence)),
        endings_(evidence) {
    tally.fact(acked_.size());
  }

  [[nodiscard]] std::size_t agents() const { return acked_.size(); }

  /// Until the last look: afterwards the harness itself clears up.
  void check_deaths(Nanoseconds until) {
    for (const AgentLife& life : evidence_.lives) {
      const auto spawn = acked_.find(life.agent);
      if (life.birth || life.at > until || spawn == acked_.end()) continue;
      deaths_.try_emplace(life.agent, life.at);
      if (life.at <= *spawn->second->completed) continue;
      if (endings_.may_have_ended(life.agent, spawn->second, life.at)) continue;
      if (!told_.insert(life.agent).second) continue;
      tally_.violation({.summary = fmt::format(
                            "Agent {} (process {}) died at {}{}, with no kill, fault or end of "
                            "its own before.",
                            life.agent, life.pid, tally_.story().when(life.at),
                            life.cause.empty() ? "" : " by " + life.cause),
                        .agent = life.agent,
                        .at = life.at});
    }
  }

  void check_records() {
    SnapshotCursor cursor;
    for (const Snapshot& snapshot : evidence_.snapshots) {
      if (!snapshot.readable) continue;
      for (const ObservedAgent& agent : snapshot.changed) check_record(cursor, snapshot, agent);
      cursor.apply(snapshot);
    }
  }

 private:
  void check_record(const SnapshotCursor& cursor, const Snapshot& snapshot,
                    const ObservedAgent& agent) {
    const auto spawn = acked_.find(agent.id);
    if (spawn == acked_.end() || !check::is_terminal(evidence_.run.target, agent.status)) return;
    const ObservedAgent* before = check::find_record(cursor.agents(), agent.id);
    // A death is judged by itself; the record only follows it.
    const auto death = deaths_.find(agent.id);
    if (death != deaths_.end() && death->second <= snapshot.at.end) return;
    if (endings_.may_have_ended(agent.id, spawn->second, snapshot.at.end)) return;
    if (!told_.insert(agent.id).second) return;
    tally_.violation(
        {.summary = fmt::format("Agent {} was acknowledged and turned {} by {}, with no "
                                "kill, fault or end of its own before.",
                                agent.id, check::quote(agent.status),
                                tally_.story().when(snapshot.at.end)),
         .agent = agent.id,
         .at = snapshot.at.end,
         .before = check::render(before),
         .after = check::render(agent)});
  }

  const Evidence& evidence_;
  check::Tally& tally_;
  check::AckedSpawns acked_;
  check::Endings endings_;
  std::unordered_map<std::string_view, Nanoseconds> deaths_;
  std::unordered_set<std::string_view> told_;
};

}  // namespace

report::InvariantResult check_repair_harmless(const Evidence& evidence) {
  const TargetFacts& target = evidence.run.target;
  check::Tally tally(evidence, "repair-harmless");
  const Snapshot* last = check::final_snapshot(evidence);
  const Nanoseconds until =
      last == nullptr ? std::numeric_limits<Nanoseconds>::max() : last->at.end;
  check_bystanders(evidence, tally, until);
  Unprovoked unprovoked(evidence, tally);
  unprovoked.check_deaths(until);
  unprovoked.check_records();
  if (target.has_repair && evidence.bystanders.empty() && !check::is_schedule(evidence)) {
    tally.missing("no bystander was watched over the repair");
  }
  if (unprovoked.agents() > 0 && target.agents_report && target.sessions != "none" &&
      evidence.lives.empty()) {
    tally.missing("no agent told its birth");
  }
  return std::move(tally).finish(fmt::format("{}, {} over the whole run",
                                             count_of(evidence.bystanders.size(), "bystander"),
                                             count_of(unprovoked.agents(), "acknowledged agent")));
}

}  // namespace stress
