#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "harness/check/invariants.h"
#include "harness/check/run_index.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

/// Compares stored counts with recounts; a mismatch that stays the same is told once.
class CountJudge {
 public:
  CountJudge(const TargetFacts& target, check::Tally& tally) : target_(target), tally_(tally) {}

  void compare(const Snapshot& snapshot, const std::string& scope, const StoredCounts& stored,
               const check::Recount& recount) {
    // Where records are removed the total counts those that ever were.
    if (!target_.removes_records) one(snapshot, scope, "total", stored.total, recount.total);
    one(snapshot, scope, "active", stored.active, recount.active);
    one(snapshot, scope, "completed", stored.completed, recount.completed);
  }

 private:
  void one(const Snapshot& snapshot, const std::string& scope, std::string_view name,
           std::optional<std::int64_t> stored, std::int64_t recounted) {
    if (!stored) return;
    tally_.fact();
    const std::int64_t off = *stored - recounted;
    std::int64_t& known = off_[{scope, name}];
    const bool news = off != known;
    known = off;
    if (off == 0 || !news) return;
    check::Finding finding;
    finding.at = snapshot.at.end;
    finding.summary =
        fmt::format("{} stores {} {} but {} {} in the registry read at {}",
                    scope.empty() ? "The registry" : "Task " + scope, *stored, name, recounted,
                    recounted == 1 ? "stands" : "stand", tally_.story().when(snapshot.at.begin));
    std::string culprits;
    for (const ObservedAgent& agent : snapshot.changed) {
      if (!scope.empty() && agent.task != scope) continue;
      if (finding.agent.empty()) {
        finding.agent = agent.id;
        finding.after = check::render(agent);
      } else {
        finding.with.push_back(agent.id);
      }
      if (finding.with.size() < 5) culprits += (culprits.empty() ? "" : ", ") + agent.id;
    }
    if (!culprits.empty()) finding.summary += "; changed since the read before: " + culprits;
    finding.summary += '.';
    tally_.violation(finding);
  }

  const TargetFacts& target_;
  check::Tally& tally_;
  std::map<std::pair<std::string, std::string_view>, std::int64_t> off_;
};

}  // namespace

report::InvariantResult check_counts_match(const Evidence& evidence) {
  constexpr std::string_view kId = "counts-match";
  const TargetFacts& target = evidence.run.target;
  if (!target.has_counts) return check::Tally::not_applicable(kId, "the target stores no counts");
  check::Tally tally(evidence, kId);
  check::Recounter recounter(target);
  CountJudge judge(target, tally);
  std::uint64_t snapshots = 0;
  for (const Snapshot& snapshot : evidence.snapshots) {
    if (!snapshot.readable) continue;
    recounter.apply(snapshot);
    if (!snapshot.duplicate_ids.empty()) continue;  // then nobody can say what the right count is
    ++snapshots;
    judge.compare(snapshot, "", snapshot.counts, recounter.all());
    for (const auto& [task, stored] : snapshot.counts_by_task) {
      const auto found = recounter.by_task().find(task);
      judge.compare(snapshot, task, stored,
                    found == recounter.by_task().end() ? check::Recount{} : found->second);
    }
  }
  if (snapshots == 0) tally.missing("no snapshot of the registry");
  const std::uint64_t counts = tally.facts();
  return std::move(tally).finish(fmt::format("{} in {}", check::count_of(counts, "stored count"),
                                             check::count_of(snapshots, "snapshot")));
}

}  // namespace stress
