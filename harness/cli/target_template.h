#pragma once

#include <string_view>

namespace stress {

/// What `stress target new` writes: a target file with all that it may say.
inline constexpr std::string_view kTargetTemplate = R"json({
  // How Spawnstorm drives an orchestrator that knows nothing of it. JSON with comments.
  // Try it: stress target lint THIS_FILE. Then: stress run --target THIS_FILE
  "name": "my-orchestrator",

  // Placeholders in argv, env and paths:
  //   {workspace}   a fresh folder, in which commands are run     {home}  the run's own HOME
  //   {target_dir}  the folder of this file                       {stress_dir}  that of `stress`
  // and what "parameters" names: {"parameters": {"program": "orc.py"}} makes {program} one.
  // {"extends": "other.json"} takes over what stands there and not here.
  // HOME, XDG_*, TMPDIR and TMUX_TMPDIR lie inside the run; nothing of your own is touched.
  "env": {"MY_ORCHESTRATOR_HOME": "{workspace}"},

  // The agents that it starts. Harmless stand-ins come first on PATH under these names, and always
  // under those of agents that cost money.
  "agent_binaries": ["claude"],
  // How a stand-in finds its own id: {"env": "AGENT_ID"} or {"after": "--agent-id"}.
  // Without this its session's name tells, or its pid in the registry.
  // "agent_id": {"env": "AGENT_ID"},

  // One command, or a list of them.
  "setup": {"argv": ["python3", "{target_dir}/orc.py", "init", "{workspace}"]},

  // {task} {agent_type} {parent} are those of the spawn. Exit 0 acknowledges ("ok": {"exit": [0]}).
  "spawn": {
    "argv": ["python3", "{target_dir}/orc.py", "spawn", "{workspace}", "{agent_type}"],
    "id": "/agent_id",          // JSON pointer into what it prints; "stdout": its last line
    "refused": {"exit": [3]}    // exit codes that promise: no effect
  },

  // An orchestrator that is an MCP server over stdio: "mcp": {"argv": ["node", "server.js"]}.
  // An operation then may be a tool in place of "argv": {"tool": "spawn_agent",
  // "arguments": {"type": "{agent_type}"}, "id": "/agent_id", "refused": {"text": "limit"}}.

  // All further commands are optional. What is not here is not asked for.
  "kill": {"argv": ["python3", "{target_dir}/orc.py", "kill", "{workspace}", "{agent_id}"]},
  // Of {status} {progress} {message} those are written that the command is told.
  "update": {
    "argv": ["python3", "{target_dir}/orc.py", "update", "{workspace}", "{agent_id}", "{status}"],
    "statuses": ["running", "working", "blocked"]
  },
  "list": {
    "argv": ["python3", "{target_dir}/orc.py", "list", "{workspace}"],
    "ids": "/agents",           // an array of ids, or of objects with an "id", or an object by id
    "id": "/id"
  },
  // Must change nothing. Exit 1 here means that it found something, which is an answer.
  "validate": {
    "argv": ["python3", "{target_dir}/orc.py", "validate", "{workspace}"],
    "ok": {"exit": [0, 1]}
  },
  // Run after the storm, before the last look.
  "repair": {
    "argv": ["python3", "{target_dir}/orc.py", "repair", "{workspace}"],
    "repaired": "/repaired",    // JSON pointer to how many repairs it made
    "dry_run": ["--dry-run"]    // further arguments that make it change nothing
  },

  // At the very end: ends what it keeps running itself.
  // "shutdown": {"argv": ["python3", "{target_dir}/orc.py", "shutdown", "{workspace}"]},

  // Where the registry is. One of:
  //   "file"     one JSON file
  //   "files"    a pattern, one JSON file an agent: "{workspace}/agents/*/meta.json"
  //   "argv"     a command that prints it
  //   "queries"  {"database": "{workspace}/orc.db", "agents": "select id, status, pane as session
  //              from agents", "counts": "select total, active from stats"}
  "observe": {
    "file": "{workspace}/registry.json",
    // How it may be read while others write: "atomic" (each read is whole, as after a rename), or
    // "flock:PATH". Leave it out where it may not.
    "read": "atomic",
    "agents": "/agents",        // an array, or an object by id
    // JSON pointers within an agent's record. All but the status are optional, but what is not
    // there cannot be checked.
    "id": "/id",
    "status": "/status",
    "session": "/tmux_session",
    "type": "/type",
    "task": "/task",
    "parent": "/parent",
    "depth": "/depth",
    "version": "/version",
    "pid": "/pid",
    "created": "/created_at",
    "message": "/message",
    "progress": "/progress",
    "root": "orchestrator",     // what stands as the parent of an agent that has none
    "active": ["starting", "running", "working", "blocked"],
    "claims": ["running", "working", "blocked"],    // of these: those with a session
    "terminal": ["completed", "failed", "terminated"],
    "counts": {"active": "/active_count", "total": "/total_spawned"}
  },

  // "tmux": its sessions on the run's own default server ("socket": "PATH" for another one).
  // "process": agents are processes, by the pid in the registry. "none".
  "sessions": {"kind": "tmux", "name": "agent_{agent_id}"},

  // File operations here are crash points.
  "watch": ["{workspace}"],
  // Files that validate and repair may write all the same.
  "logs": ["{workspace}/orc.log"],
  // How long one command may take.
  "timeout_ms": 30000,

  // What it promises; only what is promised is checked.
  "promises": {
    "durable": true,                    // an acknowledged spawn survives
    "no-duplicates": false,             // one active agent of a type in a task
    "keeps-finished-sessions": false,
    "removes-records": false,
    "idempotent-spawn": false,          // a repeated spawn of one task and type answers with one id
    "limits-always": false              // limits hold at each moment, not only when all is quiet
    // "max_concurrent": 20, "max_agents": 100, "max_depth": 5, "limits-per-task": false
  }
}
)json";

}  // namespace stress
