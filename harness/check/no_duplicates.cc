#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;
using Role = std::pair<std::string, std::string>;  ///< task, type

/// Active records by role, kept up to date by deltas.
class ActiveRoles {
 public:
  ActiveRoles(const TargetFacts& target, check::Tally& tally) : target_(target), tally_(tally) {}

  void apply(const Snapshot& snapshot, bool judged) {
    for (const std::string& id : snapshot.removed) leave(id);
    for (const ObservedAgent& agent : snapshot.changed) leave(agent.id);
    for (const ObservedAgent& agent : snapshot.changed) {
      if (agent.type.empty() || !check::is_active(target_, agent.status)) continue;
      active_[{agent.task, agent.type}].insert(agent.id);
    }
    cursor_.apply(snapshot);
    if (!judged) return;
    // With deltas from unjudged snapshots behind it, a judged one looks at every role.
    std::set<Role> roles;
    if (target_.live_snapshots) {
      for (const ObservedAgent& agent : snapshot.changed) roles.insert({agent.task, agent.type});
    } else {
      for (const auto& [role, ids] : active_) roles.insert(role);
    }
    for (const Role& role : roles) judge(role, snapshot);
  }

 private:
  void leave(const std::string& id) {
    const ObservedAgent* before = check::find_record(cursor_.agents(), id);
    if (before == nullptr) return;
    const auto role = active_.find({before->task, before->type});
    if (role != active_.end()) role->second.erase(id);
  }

  void judge(const Role& role, const Snapshot& snapshot) {
    const auto found = active_.find(role);
    if (found == active_.end()) return;
    tally_.fact();
    const std::set<std::string>& ids = found->second;
    if (ids.size() < 2 || !told_.insert(ids).second) return;
    std::vector<std::string> others(std::next(ids.begin()), ids.end());
    tally_.violation(
        {.summary = fmt::format(
             "Agents {} are active at once for type {} of task {} in the registry "
             "read at {}.",
             fmt::join(ids, ", "), role.second, role.first.empty() ? "(none)" : role.first,
             tally_.story().when(snapshot.at.begin)),
         .agent = *ids.begin(),
         .with = others,
         .at = snapshot.at.end,
         .before = check::render(check::find_record(cursor_.agents(), *ids.begin())),
         .after = check::render(check::find_record(cursor_.agents(), others.front()))});
  }

  const TargetFacts& target_;
  check::Tally& tally_;
  SnapshotCursor cursor_;
  std::map<Role, std::set<std::string>> active_;
  std::set<std::set<std::string>> told_;
};

void check_sessions(const Evidence& evidence, check::Tally& tally) {
  const auto quiet = check::quiet_state(evidence);
  if (!quiet) {
    tally.missing(quiet.error());
    return;
  }
  const check::AckedSpawns spawns = check::acked_spawns(evidence);
  std::map<Role, std::vector<const ObservedSession*>> living;
  for (const ObservedSession& session : quiet->quiescence->sessions) {
    if (!session.marked || !session.alive || session.agent.empty()) continue;
    const ObservedAgent* record = check::find_record(quiet->records, session.agent);
    const auto spawn = spawns.find(session.agent);
    if (record != nullptr && evidence.run.target.keeps_finished_sessions &&
        check::is_terminal(evidence.run.target, record->status)) {
      continue;
    }
    if (record != nullptr && !record->type.empty()) {
      living[{record->task, record->type}].push_back(&session);
    } else if (spawn != spawns.end()) {
      living[{spawn->second->task, spawn->second->type}].push_back(&session);
    }
  }
  for (const auto& [role, sessions] : living) {
    tally.fact();
    if (sessions.size() < 2) continue;
    check::Finding finding{.agent = sessions.front()->agent, .at = quiet->at};
    std::vector<std::string> names;
    for (const ObservedSession* session : sessions) {
      names.push_back(session->name);
      finding.with.push_back(session->agent);
    }
    finding.summary = fmt::format("Sessions {} live at once for type {} of task {} at quiescence.",
                                  fmt::join(names, ", "), role.second,
                                  role.first.empty() ? "(none)" : role.first);
    tally.violation(finding);
  }
}

}  // namespace

report::InvariantResult check_no_duplicates(const Evidence& evidence) {
  constexpr std::string_view kId = "no-duplicates";
  const TargetFacts& target = evidence.run.target;
  if (!target.promises_no_duplicates) {
    return check::Tally::not_applicable(kId, "the target does not promise it");
  }
  check::Tally tally(evidence, kId);
  ActiveRoles roles(target, tally);
  const Snapshot* last = check::final_snapshot(evidence);
  std::uint64_t snapshots = 0;
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (!snapshot.readable) continue;
    const bool judged = target.live_snapshots || &snapshot == last;
    if (judged) ++snapshots;
    roles.apply(snapshot, judged);
  }
  if (snapshots == 0) tally.missing("no snapshot of the registry");
  if (target.sessions != "none") check_sessions(evidence, tally);
  const std::uint64_t looks = tally.facts();
  return std::move(tally).finish(fmt::format("{} of one task and type in {} and at quiescence",
                                             count_of(looks, "look"),
                                             count_of(snapshots, "snapshot")));
}

}  // namespace stress
