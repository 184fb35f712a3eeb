#pragma once

#include <memory>
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

/// By pidfd. False: there is no such process.
bool kill_process(std::int64_t pid, int signal_number);
std::vector<std::string> split(std::string_view text, char separator);
std::int64_t to_number(std::string_view text);

}  // namespace stress
