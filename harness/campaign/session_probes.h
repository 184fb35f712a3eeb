#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/campaign/session_probe.h"

namespace stress {

// The kinds of probes; make_session_probe() chooses.

std::unique_ptr<SessionProbe> make_tmux_probe(const RunPlace& place, const SessionNaming& naming,
                                              const AgentNames& names);
/// Sessions are processes marked by their environment: SPAWNSTORM_SESSION=<name>:<pid>:….
std::unique_ptr<SessionProbe> make_process_probe(const RunPlace& place, const Group& group,
                                                 const SessionNaming& naming);
/// Sessions are the processes whose pids the registry records, and stand-ins that it does not.
std::unique_ptr<SessionProbe> make_recorded_probe(const RunPlace& place, const Group& group,
                                                  const Target& target, const AgentNames& names);
/// There are no sessions; agents are only ended.
std::unique_ptr<SessionProbe> make_empty_probe(const RunPlace& place, const Group& group);

/// A process as a session by its environment, SPAWNSTORM_SESSION=<name>:<pid>:…; nullopt: it is
/// none. Whether it is alive is for the caller to say.
std::optional<ObservedSession> marked_session(pid_t pid, const SessionNaming& naming);
/// The processes whose pids a registry records, if they live.
std::vector<ObservedSession> recorded_sessions(const Observation& registry,
                                               const TargetFacts& facts,
                                               const std::function<bool(std::int64_t)>& lives);
/// "process 12": the name of a session that has none.
std::string process_name(std::int64_t pid);

/// By pidfd. False: there is no such process.
bool kill_process(std::int64_t pid, int signal_number);
std::vector<std::string> split(std::string_view text, char separator);
std::int64_t to_number(std::string_view text);

}  // namespace stress
