#include "harness/check/linear/registry.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "harness/check/run_index.h"

namespace stress::linear {
namespace {

using Kind = RegistryCall::Kind;
using Numbers = std::unordered_map<std::string_view, std::uint32_t>;

Span span_of(const Operation& op) {
  const bool known = op.outcome == OpOutcome::kOk && op.completed;
  return {op.invoked, known ? *op.completed : kNever};
}

bool ends(const TargetFacts& target, const Operation& op) {
  const auto status = op.writes.find("status");
  return op.kind == OpKind::kKill || (op.kind == OpKind::kUpdate && status != op.writes.end() &&
                                      check::is_terminal(target, status->second));
}

/// When agents were ended first; never: kNever.
class FirstEnds {
 public:
  void add(std::string_view agent, Nanoseconds at) {
    const auto [place, fresh] = first_.try_emplace(agent, at);
    if (!fresh) place->second = std::min(place->second, at);
  }
  [[nodiscard]] Nanoseconds of(std::string_view agent) const {
    const auto found = first_.find(agent);
    return found == first_.end() ? kNever : found->second;
  }

 private:
  std::unordered_map<std::string_view, Nanoseconds> first_;
};

FirstEnds ends_by_operation(const Evidence& evidence) {
  FirstEnds first;
  for (const Operation& op : evidence.operations) {
    if (op.outcome == OpOutcome::kRefused || !ends(evidence.run.target, op)) continue;
    first.add(op.agent, op.invoked);
  }
  return first;
}

FirstEnds ends_otherwise(const Evidence& evidence) {
  FirstEnds first;
  for (const Fault& fault : evidence.faults) {
    if (fault.injected && !fault.agent.empty()) first.add(fault.agent, fault.at);
  }
  for (const AgentLife& life : evidence.lives) {
    if (!life.birth) first.add(life.agent, life.at);
  }
  return first;
}

Nanoseconds last_list(const Evidence& evidence) {
  Nanoseconds last = kBefore;
  for (const Operation& op : evidence.operations) {
    if (op.kind == OpKind::kList && op.completed) last = std::max(last, *op.completed);
  }
  return last;
}

std::vector<std::uint32_t> numbers_of(const Operation& list, const Numbers& numbers) {
  std::vector<std::uint32_t> seen;
  for (const std::string& id : list.seen) {
    const auto found = numbers.find(id);
    if (found != numbers.end()) seen.push_back(found->second);
  }
  std::ranges::sort(seen);
  seen.erase(std::ranges::unique(seen).begin(), seen.end());
  return seen;
}

}  // namespace

bool RegistryModel::step(State& state, const Call& call) {
  switch (call.kind) {
    case Kind::kSpawn:
      if (state.present[call.agent]) return false;
      state.present[call.agent] = true;
      ++state.living;
      return true;
    case Kind::kUpdate:
      return state.present[call.agent];
    case Kind::kEnd:
      if (!state.present[call.agent]) return false;
      if (!state.ended[call.agent]) --state.living;
      state.ended[call.agent] = true;
      return true;
    case Kind::kList:
      break;
  }
  std::size_t living = 0;
  for (const std::uint32_t agent : call.seen) {
    if (!state.present[agent]) return false;
    if (!state.ended[agent]) ++living;
  }
  return living == state.living;
}

bool RegistryModel::may_lead_to(const State& state, const Call& list) {
  const auto shown = std::ranges::count_if(
      list.seen, [&](std::uint32_t agent) { return state.present[agent] && !state.ended[agent]; });
  return static_cast<std::size_t>(shown) == state.living;
}

bool RegistryModel::revives_for(const Call& end, const Call& list) {
  return !std::ranges::binary_search(list.seen, end.agent);
}

void RegistryModel::encode(const State& state, std::vector<std::uint64_t>& words) {
  for (const std::vector<bool>* bits : {&state.present, &state.ended}) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bits->size(); ++i) {
      word = word << 1 | ((*bits)[i] ? 1 : 0);
      if (i % 64 == 63) words.push_back(word);
    }
    words.push_back(word);
  }
}

RegistryHistory::RegistryHistory(const Evidence& evidence) {
  const check::Endings endings(evidence);
  const FirstEnds by_operation = ends_by_operation(evidence);
  const FirstEnds otherwise = ends_otherwise(evidence);
  // Whatever comes later shows in none.
  const Nanoseconds last = last_list(evidence);
  for (const auto& [id, spawn] : check::acked_spawns(evidence)) {
    const Nanoseconds ended = by_operation.of(id);
    const Nanoseconds by_itself = otherwise.of(id);
    if (by_itself < ended && by_itself <= last) continue;
    const bool may_end = endings.may_have_ended(id, spawn, last);
    if (may_end && (ended > last || !endings.server_kills().empty())) continue;
    Span span = span_of(*spawn);
    // Another one's spawn of unknown outcome may have made it before.
    if (evidence.run.target.idempotent_spawn) span.invoked = kBefore;
    agents.push_back({spawn, span, !may_end});
  }
  std::ranges::sort(agents, {}, [](const Agent& agent) { return agent.spawn->id; });
  Numbers numbers;
  for (std::uint32_t i = 0; i < agents.size(); ++i) numbers[agents[i].spawn->agent] = i;
  for (const Operation& op : evidence.operations) {
    if (op.kind != OpKind::kList || op.outcome != OpOutcome::kOk || !op.completed) continue;
    lists.push_back(&op);
    seen.push_back(numbers_of(op, numbers));
  }
}

RegistryHistory::Growing RegistryHistory::growing() const {
  Growing growing;
  std::vector<std::uint32_t> among(agents.size());
  for (std::uint32_t i = 0; i < agents.size(); ++i) {
    if (!agents[i].stays) continue;
    among[i] = static_cast<std::uint32_t>(growing.agents.size());
    growing.agents.push_back(i);
    growing.additions.push_back(agents[i].span);
  }
  for (std::size_t i = 0; i < lists.size(); ++i) {
    WholeRead& read = growing.reads.emplace_back(WholeRead{span_of(*lists[i]), {}});
    for (const std::uint32_t agent : seen[i]) {
      if (agents[agent].stays) read.elements.push_back(among[agent]);
    }
  }
  return growing;
}

RegistryHistory::Commits RegistryHistory::commits() const {
  Commits commits;
  const auto counts = [&](std::uint32_t agent) {
    return agents[agent].stays && agents[agent].spawn->committed;
  };
  for (std::uint32_t i = 0; i < agents.size(); ++i) {
    if (!counts(i)) continue;
    commits.calls.push_back(
        {agents[i].span, {.kind = Kind::kSpawn, .agent = i}, agents[i].spawn->committed});
    commits.operations.push_back(agents[i].spawn);
  }
  for (std::size_t i = 0; i < lists.size(); ++i) {
    Placed<RegistryCall>& list = commits.calls.emplace_back(
        Placed<RegistryCall>{span_of(*lists[i]), {.kind = Kind::kList}, lists[i]->committed});
    std::ranges::copy_if(seen[i], std::back_inserter(list.call.seen), counts);
    commits.operations.push_back(lists[i]);
  }
  return commits;
}

RegistryHistory::All RegistryHistory::all(const Evidence& evidence) const {
  Numbers numbers;
  for (std::uint32_t i = 0; i < agents.size(); ++i) numbers[agents[i].spawn->agent] = i;
  std::vector<std::pair<Timed<RegistryCall>, const Operation*>> found;
  for (const Operation& op : evidence.operations) {
    const bool ok = op.outcome == OpOutcome::kOk && op.completed;
    const auto number = numbers.find(op.agent);
    if (op.kind == OpKind::kList) {
      if (ok) found.push_back({{span_of(op), {Kind::kList, 0, numbers_of(op, numbers)}}, &op});
    } else if (number != numbers.end() && op.outcome != OpOutcome::kRefused) {
      const std::uint32_t agent = number->second;
      if (agents[agent].spawn == &op) {
        found.push_back({{agents[agent].span, {.kind = Kind::kSpawn, .agent = agent}}, &op});
      } else if (ends(evidence.run.target, op)) {
        found.push_back({{span_of(op), {.kind = Kind::kEnd, .agent = agent}}, &op});
      } else if (op.kind == OpKind::kUpdate && ok) {
        found.push_back({{span_of(op), {.kind = Kind::kUpdate, .agent = agent}}, &op});
      }
    }
  }
  std::ranges::stable_sort(found, {}, [](const auto& entry) { return entry.first.span.invoked; });
  All all;
  for (auto& [call, op] : found) {
    all.calls.push_back(std::move(call));
    all.operations.push_back(op);
  }
  return all;
}

}  // namespace stress::linear
