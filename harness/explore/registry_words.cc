#include "harness/explore/registry_words.h"

#include <algorithm>

#include <fmt/format.h>

namespace stress {

std::string words_of(const Observation& registry) {
  constexpr std::size_t kShown = 6;
  if (registry.absent) return "it is not there";
  if (!registry.readable) return "unreadable: " + registry.error;
  if (registry.agents.empty()) return "no agents";
  std::string words =
      fmt::format("{} agent{}: ", registry.agents.size(), registry.agents.size() == 1 ? "" : "s");
  const std::size_t first = registry.agents.size() - std::min(kShown, registry.agents.size());
  if (first > 0) words += "..., ";
  for (std::size_t i = first; i < registry.agents.size(); ++i) {
    const ObservedAgent& agent = registry.agents[i];
    words += fmt::format("{}{} {}", i == first ? "" : ", ", agent.id, agent.status);
    const auto message = agent.fields.find("message");
    if (message != agent.fields.end() && message->second.starts_with("op-")) {
      words += fmt::format(" \"{}\"", message->second);
    }
  }
  return words;
}

}  // namespace stress
