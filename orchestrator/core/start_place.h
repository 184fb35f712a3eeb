#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "orchestrator/base/file_lock.h"
#include "orchestrator/core/workspace.h"

namespace orc {

/// The lock files of a workspace's places, of which there are as many as spawns go at once.
[[nodiscard]] std::vector<std::filesystem::path> start_places(const Workspace& workspace);

/// A place among the spawns of a workspace that are on their way at once. However many are asked
/// for, only a few at a time go to the registry and the session host, and the others wait here,
/// where waiting costs nothing: all at once they would only take each other's time, until the last
/// of them ran into their deadlines and began again. Held for the life of the object; the kernel
/// frees it when the holder dies.
/// It is a courtesy: after the workspace's start_timeout (spawners that were stopped may hold all
/// places), or where no file can be made, a spawn goes without one: nullopt.
/// Thread-safe.
[[nodiscard]] std::optional<base::FileLock> take_start_place(const Workspace& workspace);

}  // namespace orc
