#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace stress {

/// Everything a run has seen, as plain values: what the invariants judge, and nothing else. It
/// outlives the run as history.jsonl, so a stored history can be judged again.
/// All times: CLOCK_MONOTONIC nanoseconds of one machine.
using Nanoseconds = std::int64_t;

struct Interval {
  Nanoseconds begin = 0;
  Nanoseconds end = 0;
  bool operator==(const Interval&) const = default;
};

/// The client of operations that the harness made for itself, before the storm.
inline constexpr const char* kSetupClient = "setup";
/// Of a crash trial: who stands in the middle of a spawn while another process meets its fault, and
/// who spawns once everything is over. No fault is aimed at either.
inline constexpr const char* kBystanderClient = "bystander";
inline constexpr const char* kAfterwardsClient = "afterwards";

enum class OpKind { kSpawn, kKill, kUpdate, kList, kValidate };

/// ok: acknowledged. refused: declared by the target as 'no effect'. info: everything else (killed,
/// timed out, any other error): it may have happened, wholly or in part, or not at all; its record
/// effects until its process's death, its session effects until quiescence.
enum class OpOutcome { kOk, kRefused, kInfo };

/// One operation of the workload on the target.
struct Operation {
  std::uint64_t id = 0;  ///< unique in the run
  OpKind kind = OpKind::kSpawn;
  std::string client;        ///< "p3.t1": which spawner, which thread of it
  std::uint64_t slot = 0;    ///< spawns: which of the N required spawns this is an attempt at
  bool replacement = false;  ///< spawns: not the first attempt at its slot
  /// spawns: the very same request as that operation's, made once more by another caller.
  std::optional<std::uint64_t> duplicate_of;
  std::string task;    ///< spawn
  std::string type;    ///< spawn
  std::string parent;  ///< spawn
  std::string agent;   ///< the agent acted upon; spawn: the acknowledged id
  /// update, kill: field -> value asked for. A message is "op-<id>": each value names its writer.
  std::map<std::string, std::string> writes;
  Nanoseconds invoked = 0;
  /// None: its process died first. An info that has one takes effect no later than this.
  std::optional<Nanoseconds> completed;
  /// Without completion: by then its process and all that this had started for it were seen to be
  /// gone, so it takes effect no later. None: not known.
  std::optional<Nanoseconds> died;
  /// Where the harness saw the order in which operations took effect: the place of this one in it.
  /// Numbers differ and need not be consecutive; one of unknown outcome that has one took effect.
  std::optional<std::uint64_t> committed;
  OpOutcome outcome = OpOutcome::kInfo;
  std::string error;
  std::vector<std::string> seen;  ///< list: the ids in the reply
  bool operator==(const Operation&) const = default;
};

/// An injected fault, or one that was drawn and could not be injected.
struct Fault {
  Nanoseconds at = 0;  ///< just before it takes effect
  /// crash, pause, error, fault (of the plan), session-kill, server-kill, pid-reuse,
  /// full-disk, registry-damage
  std::string kind;
  std::string cls;      ///< crash: class of the crash point, e.g. "write-mid"; fault: its spec
  std::string variant;  ///< who was killed: "process" or "with-descendants"; else empty
  std::optional<std::uint64_t> op;  ///< the operation that was hit
  std::string agent;                ///< session-kill, pid-reuse
  std::string detail;               ///< in words: the system call, the file, the bytes
  bool injected = true;
  std::vector<std::uint64_t> collateral;  ///< operations of other threads of the same process
  bool operator==(const Fault&) const = default;
};

/// The record of one agent as an observer read it.
struct ObservedAgent {
  std::string id;
  std::string status;
  std::string type;
  std::string task;
  std::string parent;
  std::string session;
  std::string created;
  std::optional<int> depth;
  std::optional<std::uint64_t> version;
  std::optional<std::int64_t> pid;            ///< the recorded process of the session
  std::map<std::string, std::string> fields;  ///< further registers: "message", "progress"
  bool operator==(const ObservedAgent&) const = default;
};

struct StoredCounts {
  std::optional<std::int64_t> total;
  std::optional<std::int64_t> active;
  std::optional<std::int64_t> completed;
  bool operator==(const StoredCounts&) const = default;
};

enum class Phase { kSetup, kStorm, kBeforeRepair, kFinal };

/// One read of the registry. `changed` and `removed` are relative to the previous readable
/// snapshot, in order of time; SnapshotCursor puts whole ones together again.
struct Snapshot {
  Interval at;
  Phase phase = Phase::kStorm;
  bool readable = true;  ///< parses, matches the schema and the checksum
  bool absent = false;
  std::string error;             ///< why it is not readable
  std::string excerpt;           ///< unreadable: the bytes around the damaged place
  bool harness_damaged = false;  ///< the harness itself had damaged the file: not held against it
  std::optional<std::uint64_t> generation;
  std::vector<ObservedAgent> changed;
  std::vector<std::string> removed;
  std::vector<std::string> duplicate_ids;  ///< ids that stand more than once in this one read
  StoredCounts counts;
  std::map<std::string, StoredCounts> counts_by_task;
  bool operator==(const Snapshot&) const = default;
};

struct ObservedSession {
  std::string name;
  std::string agent;     ///< by mark or by name; empty: not of the target
  bool marked = false;   ///< as a session of this workspace
  std::int64_t pid = 0;  ///< the pane's first process
  bool alive = true;     ///< that process lives and is no gate
  bool operator==(const ObservedSession&) const = default;
};

/// One look at the session host.
struct SessionsView {
  Interval at;
  Phase phase = Phase::kFinal;
  int attempt = 0;       ///< several looks belong to one observation of a quiescent state
  bool answered = true;  ///< else nothing may be concluded
  bool server_running = true;
  std::vector<ObservedSession> sessions;
  bool operator==(const SessionsView&) const = default;
};

/// A quiescent observation: sessions, registry, sessions, with both looks equal; else it is taken
/// again, and after three times it is unknown. Refers to the final Snapshot.
struct Quiescence {
  bool reached = false;
  std::string why_not;
  std::vector<ObservedSession> sessions;
  std::map<std::string, std::vector<std::int64_t>> living_agents;  ///< agent id -> living pids
  /// Agents that changed between two looks at an installation that is in use. What they have and
  /// lack at this moment is no evidence of what they will.
  std::set<std::string> in_motion;
  bool operator==(const Quiescence&) const = default;
};

/// A stand-in agent's own word.
struct AgentLife {
  Nanoseconds at = 0;
  std::string agent;
  std::int64_t pid = 0;
  bool birth = true;  ///< else its death
  std::string cause;  ///< death: "exit" (of its own will), else the signal's name
  bool operator==(const AgentLife&) const = default;
};

struct RepairRun {
  Interval at;
  /// "dry-run-damaged", "dry-run", "repair", "second"; "operation": what the run was about
  std::string role;
  bool ok = true;
  std::string error;
  std::optional<std::int64_t> reported;    ///< how many repairs it says it made (dry: would make)
  std::vector<std::string> changed_paths;  ///< files whose bytes, mode or name changed; logs aside
  bool operator==(const RepairRun&) const = default;
};

/// Something healthy that must come through untouched.
struct Bystander {
  std::string kind;    ///< agent, stranger, canary-session, canary-workspace, canary-process
  std::string name;    ///< stranger: of the agent whose pid it has
  std::string before;  ///< identity and bytes in one comparable text
  std::string after;
  bool operator==(const Bystander&) const = default;
};

/// Something of ours that was still there after shutdown.
struct Leftover {
  std::string kind;  ///< process, session, socket, cgroup, lock, temp-file
  std::string detail;
  bool operator==(const Leftover&) const = default;
};

/// An operation that did not reply within the lock's deadline plus 10 s.
struct Stall {
  std::uint64_t op = 0;
  Nanoseconds waited = 0;
  bool proven = false;  ///< all its tasks slept for 5 s with unchanged switch counts
  std::string detail;
  bool operator==(const Stall&) const = default;
};

/// How often one spawn, or one process that works for it (a gate), opened the registry for reading.
struct RegistryLoads {
  std::optional<std::uint64_t> op;  ///< the spawn; none: another process
  int locked = 0;                   ///< with a lock of the workspace held
  int unlocked = 0;
  bool operator==(const RegistryLoads&) const = default;
};

/// Whether the harness itself could do its work; anything but empty makes the run unknown.
struct Trouble {
  std::string what;
  bool operator==(const Trouble&) const = default;
};

/// What the target offers and promises; invariants that need more are not-applicable.
struct TargetFacts {
  std::string name;
  std::string sessions = "tmux";  ///< tmux, process or none
  bool live_snapshots = false;    ///< the registry may be read while others write
  bool has_repair = false;
  bool has_dry_run = false;
  bool has_counts = false;
  bool has_hierarchy = false;
  bool limits_always = false;    ///< limits hold at each moment, not only at quiescence
  bool promises_durable = true;  ///< an acknowledged spawn survives
  bool promises_no_duplicates = false;
  bool removes_records = false;
  bool keeps_finished_sessions = false;
  bool idempotent_spawn = false;      ///< a repeated spawn of one (task, type) answers with one id
  bool limits_per_task = false;       ///< each limit is one task's, not that of all together
  bool agents_report = true;          ///< agents are stand-ins: they tell their birth and death
  std::optional<int> max_concurrent;  ///< none: unlimited
  std::optional<int> max_agents;
  std::optional<int> max_depth;
  std::optional<int> loads_per_spawn;  ///< promised reads of the registry, all under the lock
  std::optional<int> loads_per_gate;   ///< likewise by each other process that reads it
  std::string root_parent = "orchestrator";
  std::set<std::string> active;          ///< statuses that count as active
  std::set<std::string> claims_session;  ///< those that need a session at quiescence; none: active
  std::set<std::string> terminal;
  bool operator==(const TargetFacts&) const = default;
};

struct RunFacts {
  std::uint64_t seed = 0;
  std::string version;
  std::string engine;  ///< storm, explore or audit
  TargetFacts target;
  std::uint64_t spawns_required = 0;
  bool counts_loads = false;  ///< reads of the registry were watched
  bool operator==(const RunFacts&) const = default;
};

struct Evidence {
  RunFacts run;
  std::vector<Operation> operations;  ///< by invocation
  std::vector<Fault> faults;          ///< by time
  std::vector<Snapshot> snapshots;    ///< by time; the last kFinal one belongs to quiescence
  std::vector<SessionsView> session_views;
  std::vector<AgentLife> lives;
  std::vector<RepairRun> repairs;
  std::vector<Bystander> bystanders;
  std::vector<Leftover> leftovers;
  std::vector<Stall> stalls;
  std::vector<RegistryLoads> loads;  ///< only where RunFacts::counts_loads
  std::vector<Trouble> troubles;
  std::optional<Quiescence> quiescence;
  bool finished = false;  ///< the run came to its planned end
  bool operator==(const Evidence&) const = default;
};

}  // namespace stress
