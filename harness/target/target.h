#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/history/evidence.h"
#include "harness/target/observation.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/subprocess.h"

namespace stress {

/// Where one run lives, and what everything it starts inherits.
struct RunPlace {
  std::filesystem::path workspace;    ///< the target's own folder, fresh
  std::filesystem::path agent_log;    ///< stand-in agents append their birth and death here
  std::filesystem::path tmux_socket;  ///< absolute path of the run's private server
  std::string sessions = "tmux";      ///< tmux or process
  std::filesystem::path scratch;      ///< the harness's own, removed with the run
  std::vector<std::string> env;       ///< sealed environment, complete
  /// Somebody's installation in use, which is only looked at: its agents are no stand-ins, and the
  /// environment is its user's own.
  bool live = false;
};

/// Where tmux keeps the sockets of servers that have a name, for a user with this environment.
std::filesystem::path tmux_socket_folder(const std::vector<std::string>& env);

struct TargetSetup {
  int max_concurrent = 0;  ///< 0: unlimited
  int max_agents = 0;      ///< not counting the preloaded ones
  int max_depth = 5;
  int preload = 0;  ///< terminal records to put in first, so that the registry has some pages
  bool unique_types = false;  ///< each spawn will ask for uniqueness of its type
};

struct SpawnArguments {
  std::string task;
  std::string type;
  std::string parent;  ///< empty: the root
  bool unique_type = false;
};

/// How an operation ended, from the caller's view.
struct Reply {
  OpOutcome outcome = OpOutcome::kInfo;
  std::string agent;  ///< spawn
  std::string error;
  std::vector<std::string> seen;  ///< list
};

/// What repair says of itself.
struct RepairReply {
  bool ok = true;
  std::string error;
  std::optional<std::int64_t> reported;
};

/// An operation that somebody asks of a target.
struct Request {
  std::string kind;  ///< spawn, kill, update, list, validate, repair
  SpawnArguments spawn;
  std::string agent;                          ///< kill, update
  std::map<std::string, std::string> writes;  ///< update
};

/// An operation as one program, for somebody else to start and to see to its end.
struct OperationProgram {
  base::Command command;
  std::function<Reply(const base::Outcome&)> reply;  ///< what its caller concludes from its end
};

/// What a workload may ask of a target; what it may not, it does not.
struct TargetOffers {
  bool kill = true;
  bool list = true;
  bool validate = true;
  bool parents = true;         ///< a spawn may name another agent as its parent
  bool limits = true;          ///< those of TargetSetup are taken over
  bool preload = true;         ///< likewise
  bool unique_types = true;    ///< a spawn may ask to be the only one of its type
  bool session_choice = true;  ///< RunPlace::sessions decides where agents live
  /// All threads of a worker talk to one server of their own; whose operation a system call of it
  /// belongs to can be told only where there is but one.
  bool server_per_process = false;
  std::set<std::string> update_fields{"message", "status"};  ///< none: no updates
  bool partial_updates = true;  ///< an update may name some of them only
  std::vector<std::string> statuses{"running", "working", "blocked"};  ///< for updates
};

/// Sessions that the harness keeps for itself have names that begin so.
inline constexpr std::string_view kHarnessSessions = "stress-";

/// How the target's sessions are told from others'.
struct SessionNaming {
  std::string prefix = "agent_";  ///< a session's name is this, the agent's id and the suffix
  std::string suffix;
  bool names_agent = true;           ///< else something else stands in the middle: ask the registry
  bool agents_are_stand_ins = true;  ///< a session lives as long as a stand-in agent does in it
  bool by_recorded_pid = false;      ///< processes: known by their pids in the registry, and by
                                     ///< nothing else
  std::string option;                ///< tmux: the user option that marks a session, e.g. "@owner";
                                     ///< empty: the name is all the mark there is
  std::string value;                 ///< what the option holds for this workspace

  /// The agent by a session's name; empty: one of the target's, nobody says whose. nullopt: not
  /// the target's.
  [[nodiscard]] std::optional<std::string> agent_of(const std::string& session) const;
};

/// An orchestrator under test. One object serves one process; operations come from many threads.
/// The harness knows targets by this interface alone.
class Target {
 public:
  virtual ~Target() = default;
  [[nodiscard]] virtual TargetFacts facts() const = 0;
  [[nodiscard]] virtual TargetOffers offers() const { return {}; }
  /// Whether operations run programs of the target's, as children of the worker, that can be killed
  /// alone.
  [[nodiscard]] virtual bool runs_commands() const { return false; }

  /// Once per run, before anything else, in the harness's own process.
  virtual base::Status setup(const TargetSetup& setup) = 0;
  /// Instead of setup(), where the place is `live`: finds out how the installation is looked at and
  /// says in `place` where its sessions are. Changes nothing of it. `commands`: a command of the
  /// target's may be run to read the registry. Errors: kInvalid, kNotFound (nothing there to be
  /// looked at), kRefused (a command would have to be run).
  virtual base::Status attach(RunPlace& place, bool commands);

  /// Thread-safe; called in worker processes, which may be killed at any moment.
  virtual Reply spawn(const SpawnArguments& arguments) = 0;
  virtual Reply kill(const std::string& agent) = 0;
  virtual Reply update(const std::string& agent,
                       const std::map<std::string, std::string>& writes) = 0;
  virtual Reply list() = 0;
  virtual Reply validate() = 0;

  /// The operation as a program. nullopt: it is none (a tool of a server), or not offered. The
  /// result refers to this target.
  [[nodiscard]] virtual std::optional<OperationProgram> program(const Request& /*request*/) const {
    return std::nullopt;
  }

  /// After the storm, as its user would.
  virtual RepairReply repair(bool dry_run) = 0;
  /// At the very end, as its user would: whatever the target itself keeps running (a server, a
  /// daemon) is to end. Errors: why it may not have.
  virtual base::Status shut_down() { return {}; }

  /// How the registry is read from outside.
  [[nodiscard]] virtual const Observer& observer() const = 0;
  /// Files that repair and validate may write though nothing changed (logs).
  [[nodiscard]] virtual std::vector<std::filesystem::path> declared_logs() const = 0;
  /// Known once setup() is done.
  [[nodiscard]] virtual SessionNaming session_naming() const { return {}; }
  /// Whether a process with this argv (joined by spaces) is the target's own work in progress,
  /// which must end before the run is quiescent (a gate, a helper), rather than an agent or a
  /// server.
  [[nodiscard]] virtual bool in_transit(const std::string& /*command*/) const { return false; }
  /// The tasks that spawns may name.
  [[nodiscard]] virtual std::vector<std::string> tasks() const = 0;
  /// Operations on files below these folders are crash points.
  [[nodiscard]] virtual std::vector<std::filesystem::path> watched() const = 0;
  /// After how long without a reply an operation is overdue, the lock's deadline included.
  [[nodiscard]] virtual std::chrono::milliseconds reply_deadline() const = 0;
};

/// Targets by name, so that a test binary can add wrong ones. A name that is registered again means
/// the later one. Thread-safe.
using TargetFactory = std::unique_ptr<Target> (*)(const RunPlace& place);
void register_target(const std::string& name, TargetFactory factory);
/// `name`: a registered one, or a target file (see is_target_file).
/// Errors: kNotFound, listing the known names; those of load_target_file.
base::Result<std::unique_ptr<Target>> make_target(const std::string& name, const RunPlace& place);

/// Once per place, before its first make_target: puts there what a target of this name needs, and
/// says so in its environment. Errors: those of make_target, kIo.
base::Status furnish(const std::string& name, RunPlace& place);

}  // namespace stress
