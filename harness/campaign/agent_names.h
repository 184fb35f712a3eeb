#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "harness/history/evidence.h"
#include "harness/target/observation.h"
#include "harness/target/target.h"

namespace stress {

/// What one line of a stand-in agent's log says. A stand-in that cannot tell its own id tells its
/// tmux session's name, its pid and its parent's.
struct AgentWord {
  AgentLife life;  ///< its agent may be empty
  std::string session;
  std::int64_t parent = 0;
};

/// Which agent somebody is who does not know it himself: by the name of his session, where that has
/// the agent's id in it, else by what the registry has said of sessions and pids. Thread-safe.
class AgentNames {
 public:
  explicit AgentNames(SessionNaming naming) : naming_(std::move(naming)) {}
  /// Registry contents, one after the other.
  void learn(const Observation& registry);
  /// Empty: nobody knows.
  [[nodiscard]] std::string of_session(const std::string& session) const;
  [[nodiscard]] std::string of(const AgentWord& word) const;
  /// Whether the registry has ever named this process as an agent's.
  [[nodiscard]] bool is_recorded(std::int64_t pid) const;

 private:
  SessionNaming naming_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> by_session_;
  std::map<std::int64_t, std::string> by_pid_;
};

}  // namespace stress
