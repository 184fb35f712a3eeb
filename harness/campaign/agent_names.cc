#include "harness/campaign/agent_names.h"

namespace stress {

void AgentNames::learn(const Observation& registry) {
  const std::lock_guard lock(mutex_);
  for (const ObservedAgent& agent : registry.agents) {
    if (!agent.session.empty()) by_session_[agent.session] = agent.id;
    if (agent.pid) by_pid_[*agent.pid] = agent.id;
  }
}

std::string AgentNames::of_session(const std::string& session) const {
  const std::optional<std::string> by_name = naming_.agent_of(session);
  if (by_name && !by_name->empty()) return *by_name;
  const std::lock_guard lock(mutex_);
  const auto found = by_session_.find(session);
  return found == by_session_.end() ? std::string() : found->second;
}

bool AgentNames::is_recorded(std::int64_t pid) const {
  const std::lock_guard lock(mutex_);
  return by_pid_.contains(pid);
}

std::string AgentNames::of(const AgentWord& word) const {
  if (!word.life.agent.empty()) return word.life.agent;
  if (!word.session.empty()) {
    if (std::string agent = of_session(word.session); !agent.empty()) return agent;
  }
  const std::lock_guard lock(mutex_);
  for (const std::int64_t pid : {word.life.pid, word.parent}) {
    const auto found = by_pid_.find(pid);
    if (found != by_pid_.end()) return found->second;
  }
  return {};
}

}  // namespace stress
