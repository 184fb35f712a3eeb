#include <algorithm>
#include <string>
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

using Agents = SnapshotCursor::Agents;

class Hierarchy {
 public:
  Hierarchy(const TargetFacts& target, const check::QuietState& quiet, check::Tally& tally)
      : target_(target), quiet_(quiet), tally_(tally) {
    // Some count the root's children from 0; then all of them do.
    const auto counts_from_zero = [this](const auto& entry) {
      return !is_root(entry.second.parent) || entry.second.depth.value_or(0) == 0;
    };
    if (std::ranges::all_of(quiet.records, counts_from_zero)) first_depth_ = 0;
  }

  void check() {
    for (const auto& [id, agent] : quiet_.records) {
      tally_.fact();
      check_parent(agent);
    }
    find_cycles();
  }

 private:
  enum class Mark { kOnPath, kDone };

  [[nodiscard]] bool is_root(const std::string& parent) const {
    return parent.empty() || parent == target_.root_parent;
  }

  void check_parent(const ObservedAgent& agent) {
    if (is_root(agent.parent)) {
      if (agent.depth && *agent.depth != first_depth_) {
        tell(agent, nullptr,
             fmt::format("Agent {} stands below the root at depth {} instead of {}.", agent.id,
                         *agent.depth, first_depth_));
      }
      return;
    }
    const ObservedAgent* parent = check::find_record(quiet_.records, agent.parent);
    if (parent == nullptr) {
      if (target_.removes_records) return;
      tell(agent, nullptr,
           fmt::format("Agent {} has the parent {}, which has no record.", agent.id, agent.parent));
    } else if (parent->task != agent.task) {
      tell(agent, parent,
           fmt::format("Agent {} of task {} has the parent {} of task {}.", agent.id, agent.task,
                       parent->id, parent->task));
    } else if (agent.depth && parent->depth && *agent.depth != *parent->depth + 1) {
      tell(agent, parent,
           fmt::format("Agent {} stands at depth {} below {} at depth {}.", agent.id, *agent.depth,
                       parent->id, *parent->depth));
    }
  }

  void find_cycles() {
    std::unordered_map<std::string_view, Mark> marks;
    for (const auto& [id, start] : quiet_.records) {
      std::vector<const ObservedAgent*> path;
      for (const ObservedAgent* at = &start; at != nullptr;) {
        const auto [place, fresh] = marks.try_emplace(at->id, Mark::kOnPath);
        if (!fresh) {
          if (place->second == Mark::kOnPath) {
            tell(*at, nullptr, fmt::format("Agent {} is among its own ancestors.", at->id));
          }
          break;
        }
        path.push_back(at);
        at = is_root(at->parent) ? nullptr : check::find_record(quiet_.records, at->parent);
      }
      for (const ObservedAgent* agent : path) marks[agent->id] = Mark::kDone;
    }
  }

  void tell(const ObservedAgent& agent, const ObservedAgent* parent, std::string summary) {
    check::Finding finding{.summary = std::move(summary), .agent = agent.id, .at = quiet_.at};
    if (!is_root(agent.parent)) finding.with.push_back(agent.parent);
    if (parent != nullptr) finding.before = check::render(*parent);
    finding.after = check::render(agent);
    tally_.violation(finding);
  }

  const TargetFacts& target_;
  const check::QuietState& quiet_;
  check::Tally& tally_;
  int first_depth_ = 1;
};

}  // namespace

report::InvariantResult check_hierarchy_sound(const Evidence& evidence) {
  constexpr std::string_view kId = "hierarchy-sound";
  if (!evidence.run.target.has_hierarchy) {
    return check::Tally::not_applicable(kId, "the target has no hierarchy");
  }
  check::Tally tally(evidence, kId);
  const auto quiet = check::quiet_state(evidence);
  if (!quiet) {
    tally.missing(quiet.error());
    return std::move(tally).finish("no record judged");
  }
  Hierarchy(evidence.run.target, *quiet, tally).check();
  const std::uint64_t records = tally.facts();
  return std::move(tally).finish(
      fmt::format("{} at quiescence", check::count_of(records, "record")));
}

}  // namespace stress
