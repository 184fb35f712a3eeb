#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/base/error.h"

namespace orc {

/// What a process host writes into the environment of the sessions that it starts:
/// SPAWNSTORM_SESSION=<name>:<pid>:<workspace>:<attempt>. Descendants inherit it, which is why the
/// pid is part of it: only the process that bears this pid is the session.
struct SessionMark {
  std::string name;
  pid_t pid = 0;
  std::string workspace;
  std::string attempt;
};

inline constexpr std::string_view kSessionVariable = "SPAWNSTORM_SESSION";

/// Nothing where the value has another form.
std::optional<SessionMark> parse_session_mark(std::string_view value);

/// The marks of all processes that are sessions and that we may look at; a process which is being
/// torn down (zombies too) has no environment any more and is not among them.
/// Errors: kUnavailable (no /proc).
base::Result<std::vector<SessionMark>> scan_session_marks();

}  // namespace orc
