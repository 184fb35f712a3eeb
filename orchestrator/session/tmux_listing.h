#pragma once

#include <string>
#include <string_view>

#include "orchestrator/base/error.h"
#include "orchestrator/session/session_host.h"

namespace orc {

/// tmux's options that mark a session as an orchestrator's. The environment would not do: it falls
/// back to the server's, which is that of whoever started it.
inline constexpr std::string_view kWorkspaceOption = "@spawnstorm_workspace";
inline constexpr std::string_view kAttemptOption = "@spawnstorm_attempt";

/// The commands of one client call whose output parse_listing() reads.
std::vector<std::string> listing_commands();

/// The format of one line for a session just made; the same line as in a listing.
std::string listing_format();

/// Processes that are gone by now are left out of the identities. Sessions with several panes
/// appear once, by their oldest pane.
/// Errors: kUnavailable (not what listing_commands() prints, or the server is gone by now).
base::Result<Listing> parse_listing(std::string_view text);

/// One line of listing_format(). Errors: kUnavailable.
base::Result<Session> parse_session(std::string_view line);

}  // namespace orc
