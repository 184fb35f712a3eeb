#include "orchestrator/core/start_place.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace orc {

/// So many that they keep the processors and the disk busy while some of them wait for the others'
/// programs to start.
std::vector<std::filesystem::path> start_places(const Workspace& workspace) {
  std::vector<std::filesystem::path> files(std::max(8U, 4 * std::thread::hardware_concurrency()));
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i] = workspace.start_folder() / fmt::format("place-{}", i);
  }
  return files;
}

std::optional<base::FileLock> take_start_place(const Workspace& workspace) {
  auto place =
      base::FileLock::acquire_any(start_places(workspace), workspace.config().start_timeout);
  if (!place) return std::nullopt;
  return *std::move(place);
}

}  // namespace orc
