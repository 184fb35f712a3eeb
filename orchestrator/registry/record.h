#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "orchestrator/base/clock.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/process_identity.h"

namespace orc {

/// Keeps the order of keys, so that a file edited or imported by people stays theirs.
using Json = nlohmann::ordered_json;

/// The life of an agent. Active: starting to stopping; these hold a slot of max_concurrent.
enum class AgentStatus {
  kStarting,    ///< recorded, its session not yet confirmed
  kRunning,     ///< session confirmed
  kWorking,     ///< reported by the agent itself
  kBlocked,     ///< reported by the agent itself
  kStopping,    ///< being killed; still holds its slot
  kCompleted,   ///< terminal: the agent finished
  kError,       ///< terminal: the agent reported an error
  kFailed,      ///< terminal: never came up, or its session was lost
  kTerminated,  ///< terminal: killed on request
};

std::string_view to_string(AgentStatus status);
base::Result<AgentStatus> parse_agent_status(std::string_view text);
bool is_active(AgentStatus status);
bool is_terminal(AgentStatus status);
/// running, working or blocked: the record claims a living session.
bool claims_session(AgentStatus status);

/// 0 means unlimited.
struct Limits {
  int max_concurrent = 20;  ///< active agents at once
  int max_agents = 0;       ///< agents ever admitted
  int max_depth = 5;        ///< depth of an agent below the root
  bool operator==(const Limits&) const = default;
};

struct Task {
  std::string id;
  std::string description;
  std::string priority = "normal";  ///< low, normal, high, critical
  std::string status = "active";    ///< active, completed, cancelled
  base::WallTime created_at;
  base::WallTime updated_at;
  Limits limits;
  Json guidance = Json::object();  ///< orchestration guidance, passed on in each agent's prompt
  Json source = Json::object();    ///< as read: order of keys and unknown fields are kept
};

/// What names a session for all time. tmux's own `$N` ids restart with the server. Where there is
/// such an id the name is only what to show: whoever likes may rename a session.
struct SessionIdentity {
  std::string host;  ///< "tmux" or "process"
  std::string name;
  std::string session_id;                        ///< tmux: "$3"; empty for process
  std::optional<base::ProcessIdentity> server;   ///< tmux server; none for process
  std::optional<base::ProcessIdentity> process;  ///< the pane's first process
  bool operator==(const SessionIdentity& other) const {
    return host == other.host && session_id == other.session_id && server == other.server &&
           process == other.process && (!session_id.empty() || name == other.name);
  }
};

struct Finding {
  base::WallTime time;
  std::string kind;      ///< issue, solution, insight, recommendation, …
  std::string severity;  ///< low, medium, high, critical
  std::string message;
};

/// `kRootParent` is the parent of agents of the first level.
inline constexpr std::string_view kRootParent = "orchestrator";

struct Agent {
  std::string id;
  std::string task_id;
  std::string type;
  AgentStatus status = AgentStatus::kStarting;
  std::string parent{kRootParent};
  int depth = 1;
  int progress = 0;     ///< per cent
  std::string message;  ///< the agent's latest word on its progress
  std::string reason;   ///< why it failed or was terminated
  std::string prompt;   ///< an excerpt; the whole text is in the prompt file
  std::vector<std::string> tracked_files;
  std::vector<Finding> findings;
  base::WallTime created_at;
  base::WallTime updated_at;
  std::optional<base::WallTime> started_at;
  std::optional<base::WallTime> ended_at;
  std::optional<base::WallTime> deadline;      ///< while starting: to be fenced after it
  std::string attempt;                         ///< random; names one attempt to start a session
  std::uint64_t version = 1;                   ///< grows with each change of this record
  std::optional<base::ProcessIdentity> owner;  ///< the spawner
  std::optional<SessionIdentity> session;
  Json source = Json::object();  ///< as read: order and unknown fields are kept
};

/// Known fields overwrite those of `source`, in place; new ones are appended. A fresh record starts
/// with status, task_id and type, which the store's fast path relies on.
Json to_json(const Agent& agent);
Json to_json(const Task& task);
Json to_json(const SessionIdentity& session);
Json to_json(const base::ProcessIdentity& identity);
Json to_json(const Limits& limits);
/// Errors: kDamaged, with the name of the field.
base::Result<Agent> agent_from_json(const Json& json);
base::Result<Task> task_from_json(const Json& json);
/// What is missing has its default value.
base::Result<Limits> limits_from_json(const Json& json);

/// `[A-Za-z0-9_-]`, 1 to 64 characters, no leading '-'. Errors: kInvalid, which names `what`.
base::Status check_name(std::string_view what, std::string_view name);
/// Valid UTF-8 without NUL. Errors: kInvalid.
base::Status check_text(std::string_view what, std::string_view text, std::size_t bytes_max);

/// `<type>-<UTC yyyymmddThhmmss>-<64 bits base32>`
std::string new_agent_id(std::string_view type, base::WallTime now);
/// Whether new_agent_id() may have made it.
bool looks_like_agent_id(std::string_view text);
/// `TASK-<UTC yyyymmddThhmmss>-<64 bits base32>`
std::string new_task_id(base::WallTime now);
/// `agent_<id>`
std::string session_name(std::string_view agent_id);

}  // namespace orc
