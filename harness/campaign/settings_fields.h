#pragma once

#include <string>
#include <string_view>

#include "harness/campaign/settings.h"

namespace stress {

/// The flag of a setting. That of a list which is given one by one is in the singular.
inline std::string flag_of(std::string_view name) {
  return name == "faults" ? "--fault" : "--" + std::string(name);
}

/// The one list of what can be set, for flags, scenario files and reports alike: calls
/// `visit(name, field, description)` for each. Names are those of the flags, without the dashes,
/// but for flag_of().
template <class Settings, class Visit>
void for_each_field(Settings& s, Visit&& visit) {
  visit("target", s.target, "What to test: builtin, or a target file (see `stress target new`)");
  visit("agents", s.agents, "Concurrent spawners");
  visit("spawns", s.spawns, "Spawns per spawner");
  visit("processes", s.processes, "Processes to spread the spawners over; 0: chosen");
  visit("threads", s.threads, "Threads per process; 0: chosen");
  visit("duration", s.duration_s, "Seconds to go on spawning for, instead of --spawns");
  visit("crash-rate", s.crash_rate,
        "Share of the spawns whose process is killed, at a drawn system call");
  visit("crash-points", s.crash_points,
        "Only these classes of crash points, e.g. write-mid rename-before; none: all on the path");
  visit("faults", s.faults,
        "WHERE:WHAT[:when=FIRST[..LAST][+STEP]][:p=RATE], e.g. 'fsync:errno=EIO:p=0.05' or "
        "'write@*/registry.json*:kill-mid'; may be given again");
  visit("kill-session-rate", s.kill_session_rate, "Sessions killed from outside, per spawn");
  visit("kill-server-rate", s.kill_server_rate, "tmux servers killed, per spawn");
  visit("full-disk-rate", s.full_disk_rate,
        "How often, per spawn, the disk of the workspace is full for a moment");
  visit("reuse-pid-rate", s.reuse_pid_rate,
        "Sessions killed from outside, per spawn, whose pid is given to a stranger");
  visit("pause-rate", s.pause_rate,
        "Share of the spawns whose process is stopped (SIGSTOP) for a while");
  visit(
      "duplicate-rate", s.duplicate_rate,
      "Share of the spawns whose request is made twice, by two callers, at once or a moment apart");
  visit("update-rate", s.update_rate, "Status updates, per spawn");
  visit("kill-rate", s.kill_rate, "Agents killed through the target, per spawn");
  visit("list-rate", s.list_rate, "Lists, per spawn");
  visit("validate-rate", s.validate_rate, "Validations, per spawn");
  visit("child-rate", s.child_rate,
        "Share of the spawns below an agent that the spawner made before, not below the root");
  visit("damage", s.damage,
        "Done to the registry file after the storm: none, torn, zeroed, empty or vanished");
  visit("preload", s.preload, "Ended agents in the registry beforehand");
  visit("types", s.types, "Agent types that the spawns share; 0: each its own");
  visit("unique-types", s.unique_types,
        "Each spawn asks to be the only active agent of its type in its task");
  visit("max-concurrent", s.max_concurrent, "Limit given to the target; 0: none");
  visit("max-agents", s.max_agents, "Limit given to the target; 0: none");
  visit("max-depth", s.max_depth, "Limit given to the target; 0: none");
  visit("accept-refusals", s.accept_refusals, "A refused spawn is done with, not tried again");
  visit("count-loads", s.count_loads,
        "Watch each read of the registry file, and hold it against one per transaction");
  visit("time-limit", s.time_limit_s, "Seconds; then the verdict is unknown");
  visit("sessions", s.sessions, "Where agents live: tmux or process");
}

}  // namespace stress
