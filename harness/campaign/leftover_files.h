#pragma once

#include <vector>

#include "harness/history/evidence.h"
#include "harness/target/target.h"

namespace stress {

/// What a target that has shut down left where it could write: in its workspace temporary files,
/// sockets and locks that somebody still holds; in its TMPDIR everything; in its home and its
/// runtime folder sockets that somebody still listens on (a tmux server that ends leaves its own
/// behind, which is nobody's fault). Changes nothing, but takes each lock for a moment.
std::vector<Leftover> find_leftover_files(const RunPlace& place);

}  // namespace stress
