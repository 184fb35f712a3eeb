#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "orchestrator/base/error.h"

namespace stress {

/// What Group and its guardian have in common: to end a group that is known by its token and its
/// cgroup (empty: none) alone. See find_members in group.h for who belongs to it.

/// "SPAWNSTORM_RUN=<token>"
std::string run_environment(const std::string& token);

/// SIGKILL to all members until two looks in a row find none; no process that has taken a member's
/// number is ever hit. `each_round` runs after each round of kills. Errors: kTimeout, naming who is
/// left.
base::Status end_members(const std::string& token, const std::filesystem::path& cgroup,
                         std::chrono::milliseconds timeout,
                         const std::function<void()>& each_round = {});

/// Removes the cgroup and those below it, once the kernel has let go of the members that have just
/// died. An absent one is success. Errors: kTimeout (members live), kIo.
base::Status remove_cgroup(const std::filesystem::path& cgroup, std::chrono::milliseconds timeout);

}  // namespace stress
