#include "harness/check/linearizable.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/check/linear/registry.h"
#include "harness/check/linear/search.h"
#include "harness/check/run_index.h"
#include "harness/check/story.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

using check::count_of;
using linear::CommitProblem;
using linear::RegistryHistory;
using linear::SetContradiction;

constexpr std::string_view kId = "linearizable";

class Judge {
 public:
  Judge(const Evidence& evidence, check::Tally& tally)
      : evidence_(evidence), history_(evidence), tally_(tally) {}

  [[nodiscard]] const RegistryHistory& history() const { return history_; }

  /// How many acknowledged spawns have places in the order of commits.
  [[nodiscard]] std::size_t placed() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        history_.agents,
        [](const RegistryHistory::Agent& agent) { return agent.spawn->committed.has_value(); }));
  }

  /// Whether nothing is wrong.
  bool by_nested_lists() {
    const RegistryHistory::Growing growing = history_.growing();
    tally_.fact(growing.additions.size() + growing.reads.size());
    const auto found = linear::rule_whole_reads(growing.additions, growing.reads);
    if (found) tell(growing, *found);
    return !found;
  }

  void by_commits() {
    const RegistryHistory::Commits commits = history_.commits();
    tally_.fact(commits.calls.size());
    const linear::RegistryModel model(history_.agents.size());
    const auto problem = linear::check_commits(
        model, std::span<const linear::Placed<linear::RegistryCall>>(commits.calls));
    if (problem) tell(commits, *problem);
  }

  void by_search(const linear::Limits& limits) {
    const RegistryHistory::All all = history_.all(evidence_);
    const linear::RegistryModel model(history_.agents.size());
    tally_.fact(all.calls.size());
    const linear::SearchResult result = linear::search(
        model, std::span<const linear::Timed<linear::RegistryCall>>(all.calls), limits);
    if (result.verdict == linear::Verdict::kUnknown) {
      tally_.missing(result.out_of_memory ? "the search was out of memory"
                                          : "the search was out of time");
    }
    if (result.verdict != linear::Verdict::kIllegal) return;
    const Operation& op = *all.operations[result.blocked.value_or(0)];
    tally_.violation(
        {.summary = fmt::format("No order of spawns, kills, updates and lists explains "
                                "{}, completed at {}.",
                                check::Story::name(op), when(op)),
         .agent = op.agent,
         .at = op.completed.value_or(op.invoked)});
  }

 private:
  static std::string name(const Operation& op) { return check::Story::name(op); }
  std::string when(const Operation& op) {
    return tally_.story().when(op.completed.value_or(op.invoked));
  }

  void tell(const RegistryHistory::Growing& growing, const SetContradiction& found) {
    const Operation& a = *history_.lists[found.a];
    const Operation& b = *history_.lists[found.b];
    const Operation& x = *history_.agents[growing.agents[found.x]].spawn;
    const Operation& y = *history_.agents[growing.agents[found.y]].spawn;
    std::string summary;
    Nanoseconds at = *a.completed;
    std::vector<std::string> with;
    switch (found.kind) {
      case SetContradiction::Kind::kNotNested:
        summary = fmt::format("{} shows agent {} and not {}, {} shows {} and not {}.", name(a),
                              x.agent, y.agent, name(b), y.agent, x.agent);
        at = std::max(at, *b.completed);
        with = {y.agent};
        break;
      case SetContradiction::Kind::kTooEarly:
        summary = fmt::format("{}, over at {}, shows agent {}, whose spawn, {}, began after that.",
                              name(a), when(a), x.agent, name(x));
        break;
      case SetContradiction::Kind::kLost:
        summary = fmt::format(
            "Agent {} was acknowledged at {} to {}, and {}, which began after "
            "that, does not show it.",
            x.agent, when(x), name(x), name(a));
        break;
      case SetContradiction::Kind::kStale:
        summary = fmt::format(
            "{}, over at {}, shows agent {}, and {}, which began after that, "
            "does not.",
            name(a), when(a), x.agent, name(b));
        at = *b.completed;
        break;
      case SetContradiction::Kind::kOutOfOrder:
        summary = fmt::format(
            "{} shows agent {} and not {}, which had been acknowledged before "
            "the spawn of the other began.",
            name(a), y.agent, x.agent);
        with = {y.agent};
        break;
    }
    tally_.violation(
        {.summary = std::move(summary), .agent = x.agent, .with = std::move(with), .at = at});
  }

  void tell(const RegistryHistory::Commits& commits, const CommitProblem& problem) {
    const Operation& op = *commits.operations[problem.operation];
    std::string summary;
    std::vector<std::string> with;
    switch (problem.kind) {
      case CommitProblem::Kind::kAgainstTime: {
        const Operation& other = *commits.operations[problem.other];
        summary = fmt::format(
            "{} was committed before {}, which had been over, at {}, when it "
            "began.",
            name(op), name(other), when(other));
        break;
      }
      case CommitProblem::Kind::kWrongAnswer:
        summary = fmt::format(
            "{}, committed as number {}, was not told what the commits before "
            "it make of the registry.",
            name(op), *op.committed);
        break;
      case CommitProblem::Kind::kNoPlace:
        summary = fmt::format(
            "{}, over at {}, shows what the registry was after no commit that "
            "it can have been made after",
            name(op), when(op));
        if (const auto [shown, missing] = out_of_order(commits, problem.operation); shown) {
          summary += fmt::format(": agent {}, and not {}, whose spawn was committed before",
                                 shown->agent, missing->agent);
          with = {shown->agent, missing->agent};
        }
        summary += '.';
        break;
    }
    tally_.violation({.summary = std::move(summary),
                      .agent = op.agent,
                      .with = std::move(with),
                      .at = op.completed.value_or(op.invoked)});
  }

  /// The last spawn that a list shows, and the first that it does not, which was before that; else
  /// nullptr.
  static std::pair<const Operation*, const Operation*> out_of_order(
      const RegistryHistory::Commits& commits, std::uint32_t list) {
    const std::vector<std::uint32_t>& seen = commits.calls[list].call.seen;
    const Operation* shown = nullptr;
    const Operation* missing = nullptr;
    for (std::size_t i = 0; i < commits.calls.size(); ++i) {
      const linear::RegistryCall& call = commits.calls[i].call;
      if (call.kind != linear::RegistryCall::Kind::kSpawn) continue;
      const Operation* spawn = commits.operations[i];
      if (std::ranges::binary_search(seen, call.agent)) {
        if (shown == nullptr || spawn->committed > shown->committed) shown = spawn;
      } else if (missing == nullptr || spawn->committed < missing->committed) {
        missing = spawn;
      }
    }
    const bool both = shown != nullptr && missing != nullptr;
    if (!both || missing->committed > shown->committed) return {};
    return {shown, missing};
  }

  const Evidence& evidence_;
  RegistryHistory history_;
  check::Tally& tally_;
};

}  // namespace

report::InvariantResult check_linearizable(const Evidence& evidence,
                                           const std::optional<linear::Limits>& search) {
  if (!evidence.run.target.promises_durable) {
    return check::Tally::not_applicable(kId, "the target does not promise durable spawns");
  }
  if (check::DamageTimes(evidence).any()) {
    return check::Tally::not_applicable(kId, "the harness damaged the registry");
  }
  check::Tally tally(evidence, kId);
  Judge judge(evidence, tally);
  const std::size_t lists = judge.history().lists.size();
  const std::size_t spawns = judge.history().agents.size();
  const std::size_t placed = judge.placed();
  if (lists == 0 && placed == 0) {
    return check::Tally::not_applicable(kId, "no list was acknowledged");
  }
  const bool all = placed > 0 && placed == spawns;
  if ((all || judge.by_nested_lists()) && placed > 0) judge.by_commits();
  if (search) judge.by_search(*search);
  return std::move(tally).finish(
      fmt::format("{} and {}{}", count_of(lists, "list"), count_of(spawns, "acknowledged spawn"),
                  all          ? ", in the order of commits"
                  : placed > 0 ? fmt::format(", {} of them in the order of commits", placed)
                               : ""));
}

}  // namespace stress
