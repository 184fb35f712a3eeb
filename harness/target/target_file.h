#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/target/observation.h"
#include "orchestrator/base/error.h"

namespace stress {

/// One operation of a target: a command, or a call of a tool of its MCP server. Its texts still
/// hold the placeholders that are known only in a run; those of the file's own parameters are
/// filled in.
struct TargetCommand {
  std::vector<std::string> argv;  ///< none: a tool
  std::string tool;
  std::string arguments;              ///< tool: a JSON object with placeholders in its texts
  std::set<int> ok{0};                ///< exit codes that acknowledge
  std::set<int> refused;              ///< exit codes that promise 'no effect'
  std::string refused_text;           ///< regular expression: a failure that says this promises it
  std::string id;                     ///< spawn: JSON pointer into stdout, or kFromOutput; list:
                                      ///< pointer within one of `ids`
  std::string id_text;                ///< spawn: regular expression whose one group is the id
  std::optional<std::string> ids;     ///< list: JSON pointer into stdout, or kFromOutput; none: it
                                      ///< tells no ids
  std::vector<std::string> statuses;  ///< update: those to be asked for
  std::string repaired;               ///< repair: pointer to how many repairs were made
  std::vector<std::string> dry_run;   ///< repair: further arguments that make it change nothing
  std::string dry_run_arguments;      ///< likewise of a tool: a JSON object
  [[nodiscard]] bool has_dry_run() const { return !dry_run.empty() || !dry_run_arguments.empty(); }
};

/// The id is the last line of the output, the ids are all of its lines.
inline constexpr std::string_view kFromOutput = "stdout";

/// How the registry is read from outside.
struct TargetObservation {
  enum class Source { kFile, kFiles, kCommand, kDatabase };
  enum class Reading {
    kAtRest,   ///< only while nobody writes
    kAnyTime,  ///< one read is one state: "atomic"
    kLocked,   ///< with a shared flock of `lock`: "flock:PATH"
  };
  Source source = Source::kFile;
  std::string path;               ///< a file; kFiles: a glob pattern; kDatabase: an SQLite file
  std::vector<std::string> argv;  ///< kCommand
  std::string agents_query;       ///< kDatabase: a column for each field, by name
  std::string counts_query;       ///< kDatabase: one row of total, active, completed; or empty
  Reading reading = Reading::kAtRest;
  std::string lock;
  ObservationMap map;  ///< its file is filled in by the observer
  std::string root;    ///< what stands as the parent of an agent below the root; may be empty
  std::set<std::string> active;
  std::set<std::string> claims;  ///< statuses that need a session; none: the active ones
  std::set<std::string> terminal;
  [[nodiscard]] bool has_counts() const;
};

struct TargetSessions {
  std::string kind = "tmux";              ///< tmux, process or none
  std::string name = "agent_{agent_id}";  ///< tmux: a session's name
  std::string socket;                     ///< tmux: path of the server's; empty: the default one
};

/// Where a stand-in agent finds its own id; both empty: its session's name or its pid tells.
struct AgentIdSource {
  std::string variable;  ///< an environment variable
  std::string after;     ///< the argument before it
};

struct TargetPromises {
  bool durable = true;
  bool no_duplicates = false;
  bool keeps_finished_sessions = false;
  bool removes_records = false;
  bool idempotent_spawn = false;
  bool limits_always = false;
  bool limits_per_task = false;
  std::optional<int> max_concurrent;
  std::optional<int> max_agents;
  std::optional<int> max_depth;
};

/// An orchestrator under test as a file describes it: scenarios/schema/target.schema.json.
struct TargetFile {
  std::filesystem::path file;  ///< absolute
  std::string name;
  std::map<std::string, std::string> env;
  std::vector<std::string> agent_binaries;
  AgentIdSource agent_id;
  std::string cwd = "{workspace}";
  std::vector<std::string> mcp;  ///< its MCP server, which operations call; none: it has none
  std::vector<std::string> tasks;
  std::vector<TargetCommand> setup;  ///< in this order
  TargetCommand spawn;
  std::optional<TargetCommand> kill;
  std::optional<TargetCommand> update;
  std::optional<TargetCommand> list;
  std::optional<TargetCommand> validate;
  std::optional<TargetCommand> repair;
  std::optional<TargetCommand> shutdown;
  TargetObservation observe;
  TargetSessions sessions;
  std::vector<std::string> watch;
  std::vector<std::string> logs;  ///< files that repair and validate may write all the same
  TargetPromises promises;
  std::chrono::milliseconds timeout{30'000};  ///< of one command

  [[nodiscard]] std::filesystem::path folder() const { return file.parent_path(); }
  /// Whether an operation's command is told this, e.g. uses(*update, "status").
  [[nodiscard]] static bool uses(const TargetCommand& command, std::string_view placeholder);
};

/// "builtin" is a name; what ends in .json or contains a '/' is a file.
bool is_target_file(const std::string& target);

/// Reads a target file (JSON with comments) and what it extends.
/// Errors: kInvalid "FILE:LINE: /pointer: what is wrong and what would be right", kNotFound, kIo.
base::Result<TargetFile> load_target_file(const std::filesystem::path& file);

}  // namespace stress
