#pragma once

#include <string>
#include <vector>

#include "harness/target/target.h"

namespace stress {

/// The built-in target's operations by its program: `orchestrator --workspace FOLDER --json`, and
/// then the subcommand with its arguments; none: there is no such one.
std::vector<std::string> subcommand_of(const Request& request);

/// What the caller of such a command concludes from its end.
Reply reply_of(const std::string& kind, const base::Outcome& outcome);

}  // namespace stress
