#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;

/// Work follows what changes: an agent is looked up when it becomes due, when a delta removes it,
/// and while it is absent.
class Presence {
 public:
  Presence(const Evidence& evidence, check::Tally& tally)
      : evidence_(evidence), tally_(tally), endings_(evidence), damage_(evidence) {
    for (const auto& [id, op] : check::acked_spawns(evidence)) spawns_.push_back({op});
    std::ranges::sort(spawns_, {}, [](const Spawn& s) { return *s.op->completed; });
    for (std::size_t i = 0; i < spawns_.size(); ++i) index_[spawns_[i].op->agent] = i;
    for (const AgentLife& life : evidence.lives) {
      if (!life.birth) deaths_.try_emplace(life.agent, life.at);
    }
  }

  [[nodiscard]] std::size_t spawns() const { return spawns_.size(); }
  /// Acknowledged spawns that no snapshot came after.
  [[nodiscard]] std::size_t unchecked() const { return spawns_.size() - due_; }

  void snapshot(const Snapshot& snapshot) {
    for (const std::string& id : snapshot.removed) {
      const auto found = index_.find(id);
      if (found == index_.end()) continue;
      absent_.insert_or_assign(found->second, remembered(id));
    }
    cursor_.apply(snapshot);
    for (; due_ < spawns_.size() && *spawns_[due_].op->completed < snapshot.at.begin; ++due_) {
      if (find(due_) == nullptr) absent_.try_emplace(due_);
    }
    tally_.fact(due_);
    const Nanoseconds damage = damage_.last_until(snapshot.at.end);
    std::erase_if(absent_, [&](const auto& entry) { return find(entry.first) != nullptr; });
    for (const auto& [index, last_record] : absent_) {
      const Operation& op = *spawns_[index].op;
      if (index >= due_ || spawns_[index].told || op.invoked <= damage) continue;
      if (evidence_.run.target.removes_records && may_be_gone(op, snapshot.at.end)) continue;
      tell(index, snapshot.at.end, last_record,
           fmt::format("the registry read at {}", tally_.story().when(snapshot.at.begin)));
    }
  }

  void list(const Operation& list) {
    const auto first_later = std::ranges::partition_point(
        spawns_, [&](const Spawn& spawn) { return *spawn.op->completed < list.invoked; });
    const auto due = static_cast<std::size_t>(first_later - spawns_.begin());
    tally_.fact(due);
    std::size_t present = 0;
    for (const std::string& id : list.seen) {
      const auto found = index_.find(id);
      if (found == index_.end()) continue;
      Spawn& spawn = spawns_[found->second];
      if (spawn.seen_by == &list) continue;
      spawn.seen_by = &list;
      if (found->second < due) ++present;
    }
    if (present == due) return;
    const Nanoseconds end = *list.completed;
    for (std::size_t i = 0; i < due; ++i) {
      Spawn& spawn = spawns_[i];
      if (spawn.seen_by == &list || spawn.told) continue;
      // Some lists show only what is active.
      if (spawn.op->invoked <= damage_.last_until(end) || may_be_gone(*spawn.op, end)) continue;
      tell(i, end, "", "the reply of " + check::Story::name(list));
    }
  }

 private:
  struct Spawn {
    const Operation* op;
    bool told = false;
    const Operation* seen_by = nullptr;
  };

  const ObservedAgent* find(std::size_t index) const {
    return check::find_record(cursor_.agents(), spawns_[index].op->agent);
  }
  std::string remembered(const std::string& id) const {
    const ObservedAgent* record = check::find_record(cursor_.agents(), id);
    return record == nullptr ? "" : check::render(*record);
  }
  bool may_be_gone(const Operation& op, Nanoseconds at) const {
    const auto died = deaths_.find(op.agent);
    return (died != deaths_.end() && died->second <= at) ||
           endings_.may_have_ended(op.agent, &op, at);
  }
  void tell(std::size_t index, Nanoseconds at, const std::string& before, std::string_view where) {
    spawns_[index].told = true;
    const Operation& op = *spawns_[index].op;
    tally_.violation(
        {.summary = fmt::format("Agent {} was acknowledged at {} and is missing in {}.", op.agent,
                                tally_.story().when(*op.completed), where),
         .agent = op.agent,
         .at = at,
         .before = before,
         .after = "(absent)"});
  }

  const Evidence& evidence_;
  check::Tally& tally_;
  check::Endings endings_;
  check::DamageTimes damage_;
  SnapshotCursor cursor_;
  std::vector<Spawn> spawns_;  ///< by acknowledgement
  std::unordered_map<std::string_view, std::size_t> index_;
  std::unordered_map<std::string_view, Nanoseconds> deaths_;
  std::size_t due_ = 0;
  std::map<std::size_t, std::string> absent_;  ///< with the last record seen
};

}  // namespace

report::InvariantResult check_acked_present(const Evidence& evidence) {
  constexpr std::string_view kId = "acked-present";
  if (!evidence.run.target.promises_durable) {
    return check::Tally::not_applicable(kId, "the target does not promise durable spawns");
  }
  check::Tally tally(evidence, kId);
  Presence presence(evidence, tally);
  std::uint64_t snapshots = 0;
  std::uint64_t lists = 0;
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (!snapshot.readable) continue;
    ++snapshots;
    presence.snapshot(snapshot);
  }
  for (const Operation& op : evidence.operations) {
    if (op.kind != OpKind::kList || op.outcome != OpOutcome::kOk || !op.completed) continue;
    ++lists;
    presence.list(op);
  }
  if (snapshots == 0) {
    tally.missing("no snapshot of the registry");
  } else if (presence.unchecked() > 0) {
    tally.missing(
        fmt::format("no snapshot after {}", count_of(presence.unchecked(), "acknowledged spawn")));
  }
  return std::move(tally).finish(
      fmt::format("{} in {} and {}", count_of(presence.spawns(), "acknowledged spawn"),
                  count_of(snapshots, "snapshot"), count_of(lists, "list")));
}

}  // namespace stress
