#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "harness/explore/plan.h"
#include "harness/history/evidence.h"
#include "harness/target/target.h"

namespace stress {

/// The words for what the harness itself does: it ends a session, or an agent's process within its
/// session; or nobody moves while time passes.
inline constexpr const char* kSessionKillWord = "session-kill";
inline constexpr const char* kAgentExitWord = "agent-exit";
inline constexpr const char* kPauseWord = "pause";

bool is_harness_word(const std::string& word);
/// "pause": a second; "pause:0.2": so many seconds, up to a minute. nullopt: it is no such word.
std::optional<std::chrono::duration<double>> pause_of(const std::string& word);

/// One operation of a schedule.
struct SceneOperation {
  std::string label;  ///< "A" for the first
  std::string word;   ///< as it was asked for: "spawn"
  std::string words;  ///< for people: "spawn worker1"
  Request request;    ///< not for the harness's own
  Operation op;       ///< as the history tells it; no invocation yet
  [[nodiscard]] bool is_harness() const { return is_harness_word(word); }
  /// Whether the history has it: repairs, and what the harness does, it tells otherwise.
  [[nodiscard]] bool is_told() const { return !is_harness() && word != "repair"; }
};

/// All of a scene's operations. Updates and kills are of the first prepared agent, so that they
/// meet at one record; spawns are in one task.
std::vector<SceneOperation> operations_of(const Scene& scene, const Target& target,
                                          const std::vector<Operation>& prepared);

/// "A", "B", …, "Z", "A1", …
std::string operation_label(std::size_t number);

/// Errors: kInvalid: no such operation, or the target does not offer it as a program.
base::Status check_operations(const std::vector<std::string>& words, const Target& target);

/// Whether one of them acts on an agent that is there before.
bool need_an_agent(const std::vector<std::string>& words);

}  // namespace stress
