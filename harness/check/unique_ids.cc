#include <algorithm>
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
using check::render;

std::uint64_t check_spawns(const Evidence& evidence, check::Tally& tally) {
  std::unordered_map<std::string_view, const Operation*> first;
  std::uint64_t spawns = 0;
  for (const Operation& op : evidence.operations) {
    if (op.kind != OpKind::kSpawn || op.outcome != OpOutcome::kOk || op.agent.empty()) continue;
    ++spawns;
    tally.fact();
    const auto [place, fresh] = first.try_emplace(op.agent, &op);
    if (fresh) continue;
    const Operation& other = *place->second;
    const bool repeated = op.task == other.task && op.type == other.type;
    if (evidence.run.target.idempotent_spawn && repeated) continue;
    tally.violation(
        {.summary = fmt::format("Agent id {} was acknowledged to two spawns: {} and {}.", op.agent,
                                check::Story::name(other), check::Story::name(op)),
         .agent = op.agent,
         .at = op.completed.value_or(op.invoked)});
  }
  return spawns;
}

/// Where it is promised that a request which is repeated is answered with the same agent: as long
/// as that one lives.
void check_repeated(const Evidence& evidence, check::Tally& tally) {
  const check::Endings endings(evidence);
  for (const check::RequestedTwice& pair : check::requested_twice(evidence)) {
    tally.fact();
    const auto& [first, second] = pair;
    const Nanoseconds by = std::max(*first->completed, *second->completed);
    if (pair.one_agent() || endings.may_have_ended(first->agent, first, by) ||
        endings.may_have_ended(second->agent, second, by)) {
      continue;
    }
    tally.violation({.summary = fmt::format("One request, made twice, was acknowledged with two "
                                            "ids: {} to {}, and {} to {}.",
                                            first->agent, check::Story::name(*first), second->agent,
                                            check::Story::name(*second)),
                     .agent = first->agent,
                     .with = {second->agent},
                     .at = by});
  }
}

/// Identity and sessions over all snapshots, by what changes.
class SnapshotIds {
 public:
  explicit SnapshotIds(check::Tally& tally) : tally_(tally) {}

  void read(const Snapshot& snapshot) {
    for (const std::string& id : snapshot.duplicate_ids) {
      if (!told_.insert("id " + id).second) continue;
      tally_.violation({.summary = fmt::format("Agent id {} stands more than once in the registry "
                                               "read at {}.",
                                               id, tally_.story().when(snapshot.at.begin)),
                        .agent = id,
                        .at = snapshot.at.end,
                        .after = render(check::find_record(cursor_.agents(), id))});
    }
    // All leave their sessions before any takes one: two may swap within one delta.
    for (const std::string& id : snapshot.removed) leave_session(id);
    for (const ObservedAgent& agent : snapshot.changed) leave_session(agent.id);
    for (const ObservedAgent& agent : snapshot.changed) {
      tally_.fact();
      compare_identity(snapshot, agent);
      take_session(snapshot, agent);
    }
    cursor_.apply(snapshot);
  }

 private:
  struct Identity {
    std::string_view task, type, created;
    const ObservedAgent* record = nullptr;
  };

  void leave_session(const std::string& id) {
    const ObservedAgent* before = check::find_record(cursor_.agents(), id);
    if (before == nullptr || before->session.empty()) return;
    const auto holder = sessions_.find(before->session);
    if (holder != sessions_.end() && holder->second->id == id) sessions_.erase(holder);
  }

  void take_session(const Snapshot& snapshot, const ObservedAgent& agent) {
    if (agent.session.empty()) return;
    const auto [place, fresh] = sessions_.try_emplace(agent.session, &agent);
    if (fresh || place->second->id == agent.id) return;
    const ObservedAgent& other = *place->second;
    if (!told_.insert(fmt::format("session {} {}", other.id, agent.id)).second) return;
    tally_.violation({.summary = fmt::format("Agents {} and {} both have the session {} in the "
                                             "registry read at {}.",
                                             other.id, agent.id, check::quote(agent.session),
                                             tally_.story().when(snapshot.at.begin)),
                      .agent = agent.id,
                      .with = {other.id},
                      .at = snapshot.at.end,
                      .before = render(other),
                      .after = render(agent)});
  }

  void compare_identity(const Snapshot& snapshot, const ObservedAgent& agent) {
    Identity& known = identities_[agent.id];
    const auto compare = [&](std::string_view field, std::string_view& before,
                             const std::string& now) {
      // Not given at first is no value; once given it stays.
      if (known.record != nullptr && !before.empty() && before != now &&
          told_.insert(fmt::format("{} {}", field, agent.id)).second) {
        tally_.violation(
            {.summary = fmt::format("Agent {} changed its {} from {} to {}; seen at {}.", agent.id,
                                    field, check::quote(before), check::quote(now),
                                    tally_.story().when(snapshot.at.begin)),
             .agent = agent.id,
             .at = snapshot.at.end,
             .before = render(*known.record),
             .after = render(agent)});
      }
      if (before.empty()) before = now;
    };
    compare("task", known.task, agent.task);
    compare("type", known.type, agent.type);
    compare("time of creation", known.created, agent.created);
    known.record = &agent;
  }

  check::Tally& tally_;
  SnapshotCursor cursor_;
  std::unordered_map<std::string_view, Identity> identities_;
  /// Session name -> the record that was first to have it and still does.
  std::unordered_map<std::string_view, const ObservedAgent*> sessions_;
  std::unordered_set<std::string> told_;
};

}  // namespace

report::InvariantResult check_unique_ids(const Evidence& evidence) {
  check::Tally tally(evidence, "unique-ids");
  const std::uint64_t spawns = check_spawns(evidence, tally);
  if (evidence.run.target.idempotent_spawn) check_repeated(evidence, tally);
  SnapshotIds ids(tally);
  std::uint64_t snapshots = 0;
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (!snapshot.readable) continue;
    ++snapshots;
    ids.read(snapshot);
  }
  if (snapshots == 0) tally.missing("no snapshot of the registry");
  const auto twice = std::ranges::count_if(
      evidence.operations, [](const Operation& op) { return op.duplicate_of.has_value(); });
  const std::string requests =
      twice == 0
          ? ""
          : fmt::format(", {} made twice", count_of(static_cast<std::uint64_t>(twice), "request"));
  return std::move(tally).finish(fmt::format("{}{}, {}", count_of(spawns, "acknowledged spawn"),
                                             requests, count_of(snapshots, "snapshot")));
}

}  // namespace stress
