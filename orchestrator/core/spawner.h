#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/core/workspace.h"

namespace orc {

struct SpawnRequest {
  std::string task_id;
  std::string type;
  std::string parent{kRootParent};   ///< an agent of the same task, or the root
  std::string prompt;                ///< the user's text for this agent
  std::vector<std::string> command;  ///< empty: the workspace's agent_command
  std::vector<std::string> tracked_files;
  bool find_program = false;  ///< refuse a command whose program is not to be found here and now
  bool unique_type = false;   ///< refuse while the task has an active agent of this type
  std::filesystem::path cwd;  ///< empty: the workspace
};

struct SpawnReply {
  std::string agent_id;
  std::string session;
  int depth = 0;
  std::filesystem::path prompt_file;
  std::filesystem::path log_file;
};

/// Starts agents by intent, gate and commit:
///  1. a transaction checks limits, duplicates and the parent's depth, and inserts a `starting`
///     record with a random attempt, its owner and a deadline;
///  2. the host makes a marked session which runs the gate; the gate execs the agent only if the
///     record still has this attempt and is starting or running;
///  3. a transaction compares and sets: starting and this attempt -> running.
/// So a session that shows up late, after its spawner was killed and its record was given up, never
/// runs an agent. Every failure path ends the session, marks the record `failed` and removes the
/// prompt file; a spawner that is killed leaves work for the validator, never a wrong registry.
class Spawner {
 public:
  /// `gate_program`: the orchestrator executable whose `gate` subcommand the session runs.
  Spawner(const Workspace& workspace, std::filesystem::path gate_program)
      : workspace_(workspace), gate_program_(std::move(gate_program)) {}

  /// Placeholders in the command: {agent_id} {task_id} {type} {prompt_file} {workspace}; the agent
  /// finds the same in SPAWNSTORM_AGENT_ID, _TASK_ID, _AGENT_TYPE, _PROMPT_FILE, _WORKSPACE.
  /// Thread-safe.
  /// Errors: kRefused (limit, duplicate, ended task), kNotFound (task, parent), kInvalid (the
  /// request, the command, a program that find_program does not find): no effect. Any other: the
  /// agent is not running, and its record, if any, is `failed` or will be fenced.
  base::Result<SpawnReply> spawn(const SpawnRequest& request) const;

 private:
  const Workspace& workspace_;
  std::filesystem::path gate_program_;
};

/// The exit code of a gate that found its attempt given up (EX_TEMPFAIL).
inline constexpr int kGateClosed = 75;

/// What runs in a fresh session: takes the lock (where it is to be had), reads again, and execs
/// `command` if the record still waits for this attempt. Returns only when it does not (an exit
/// code) or cannot.
int run_gate(const Workspace& workspace, const std::string& agent_id, const std::string& attempt,
             const std::vector<std::string>& command);

}  // namespace orc
