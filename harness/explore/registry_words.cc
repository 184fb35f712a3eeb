#include "harness/explore/registry_words.h"

#include <fmt/format.h>

#include "harness/check/run_index.h"

namespace stress {
namespace {

std::string words_of(const ObservedAgent& agent) {
  std::string words = fmt::format("{} {}", agent.id, agent.status);
  const auto message = agent.fields.find("message");
  if (message != agent.fields.end() && message->second.starts_with("op-")) {
    words += fmt::format(" \"{}\"", message->second);
  }
  return words;
}

}  // namespace

RegistryWords::RegistryWords(const TargetFacts& facts, const Observation& at_start) {
  for (const ObservedAgent& agent : at_start.agents) {
    if (!check::is_active(facts, agent.status)) past_.emplace(agent.id, agent);
  }
}

std::string RegistryWords::of(const Observation& registry) const {
  constexpr std::size_t kShown = 6;
  if (registry.absent) return "it is not there";
  if (!registry.readable) return "unreadable: " + registry.error;
  std::string list;
  std::size_t count = 0;
  std::size_t ended = 0;
  for (const ObservedAgent& agent : registry.agents) {
    const auto past = past_.find(agent.id);
    if (past != past_.end() && past->second == agent) {
      ++ended;
      continue;
    }
    if (count < kShown) list += (count == 0 ? ": " : ", ") + words_of(agent);
    if (count == kShown) list += ", ...";
    ++count;
  }
  const std::string number =
      count == 0 ? "no agents" : fmt::format("{} agent{}", count, count == 1 ? "" : "s");
  return number + (ended == 0 ? "" : fmt::format(", {} ended", ended)) + list;
}

}  // namespace stress
