#pragma once

#include <atomic>

namespace stress {

/// SIGINT, SIGTERM and SIGHUP set the flag, so that a run ends early but in order; a second one
/// ends the process at once (the guardian then cleans up). SIGPIPE is ignored: writes report it.
const std::atomic<bool>& install_interrupt_handler();

}  // namespace stress
