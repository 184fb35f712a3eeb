#include <algorithm>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "harness/history/codec.h"

namespace stress {
namespace {

void apply(Operation& op, Completion completion) {
  const bool settled = op.completed && op.outcome != OpOutcome::kInfo;
  // A killed client's info may be written by its parent after the client's own word.
  if (op.completed && (settled || completion.outcome == OpOutcome::kInfo)) return;
  op.completed = completion.at;
  op.outcome = completion.outcome;
  if (!completion.agent.empty()) op.agent = std::move(completion.agent);
  op.error = std::move(completion.error);
  op.seen = std::move(completion.seen);
}

}  // namespace

void EvidenceBuilder::invoke(Operation op) {
  const auto [place, fresh] = index_.try_emplace(op.id, evidence_.operations.size());
  if (!fresh) {
    evidence_.troubles.push_back({fmt::format("history: operation {} is invoked twice", op.id)});
    return;
  }
  const auto early = early_.find(op.id);
  if (early != early_.end()) {
    apply(op, std::move(early->second));
    early_.erase(early);
  }
  evidence_.operations.push_back(std::move(op));
}

void EvidenceBuilder::complete(Completion completion) {
  const auto found = index_.find(completion.id);
  if (found != index_.end()) {
    apply(evidence_.operations[found->second], std::move(completion));
    return;
  }
  const auto [place, fresh] = early_.try_emplace(completion.id, completion);
  if (!fresh && place->second.outcome == OpOutcome::kInfo) place->second = std::move(completion);
}

void EvidenceBuilder::add(Event event) {
  std::visit(
      [this]<class V>(V value) {
        if constexpr (std::is_same_v<V, RunFacts>) evidence_.run = std::move(value);
        if constexpr (std::is_same_v<V, Invocation>) invoke(std::move(value.op));
        if constexpr (std::is_same_v<V, Completion>) complete(std::move(value));
        if constexpr (std::is_same_v<V, Fault>) evidence_.faults.push_back(std::move(value));
        if constexpr (std::is_same_v<V, Snapshot>) evidence_.snapshots.push_back(std::move(value));
        if constexpr (std::is_same_v<V, SessionsView>) {
          evidence_.session_views.push_back(std::move(value));
        }
        if constexpr (std::is_same_v<V, AgentLife>) evidence_.lives.push_back(std::move(value));
        if constexpr (std::is_same_v<V, RepairRun>) evidence_.repairs.push_back(std::move(value));
        if constexpr (std::is_same_v<V, Bystander>) {
          evidence_.bystanders.push_back(std::move(value));
        }
        if constexpr (std::is_same_v<V, Leftover>) evidence_.leftovers.push_back(std::move(value));
        if constexpr (std::is_same_v<V, RegistryLoads>) evidence_.loads.push_back(value);
        if constexpr (std::is_same_v<V, Stall>) evidence_.stalls.push_back(std::move(value));
        if constexpr (std::is_same_v<V, Trouble>) evidence_.troubles.push_back(std::move(value));
        if constexpr (std::is_same_v<V, Quiescence>) evidence_.quiescence = std::move(value);
        if constexpr (std::is_same_v<V, Finished>) evidence_.finished = true;
      },
      std::move(event));
}

Evidence EvidenceBuilder::finish() {
  for (const auto& [id, completion] : early_) {
    evidence_.troubles.push_back(
        {fmt::format("history: operation {} completes without an invocation", id)});
  }
  std::ranges::stable_sort(evidence_.operations, {}, &Operation::invoked);
  std::ranges::stable_sort(evidence_.faults, {}, &Fault::at);
  std::ranges::stable_sort(evidence_.lives, {}, &AgentLife::at);
  std::ranges::stable_sort(evidence_.session_views, {},
                           [](const SessionsView& view) { return view.at.begin; });
  std::ranges::stable_sort(evidence_.repairs, {},
                           [](const RepairRun& run) { return run.at.begin; });
  index_.clear();
  early_.clear();
  return std::exchange(evidence_, Evidence{});
}

}  // namespace stress
