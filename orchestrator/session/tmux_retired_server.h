#pragma once

#include <chrono>
#include <filesystem>

#include "orchestrator/base/error.h"

namespace orc {

/// A tmux server that was told to exit while a client's new-session was still on its way makes that
/// session all the same, and then never exits: it keeps its socket and hangs up on every client
/// ('server exited unexpectedly') for as long as that session lives. (tmux 3.3a: server_accept()
/// closes whatever it accepts once server_exit is set, and server_loop() waits for the sessions.)
///
/// Asks the server behind `socket` to exit once more, if it is in that state: it accepts and hangs
/// up without a word. Waits for its end. Only for servers that are ours.
/// True: such a server was there and is gone now. Errors: kTimeout, kIo.
base::Result<bool> end_retired_server(const std::filesystem::path& socket,
                                      std::chrono::milliseconds timeout);

}  // namespace orc
