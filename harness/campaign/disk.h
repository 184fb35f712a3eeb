#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "orchestrator/base/error.h"

namespace stress {

/// A disk of the run's own (a tmpfs) that can be full while somebody works on it. It is full in
/// fact, for every program and every call: nothing has to be watched for that. Needs a room (see
/// run_in_room): nobody outside sees it, and it goes with the room. Thread-safe but for its end.
class Disk {
 public:
  /// Mounted on `folder`, which is made. Errors: kUnavailable (not in a room), kIo.
  static base::Result<Disk> mount(const std::filesystem::path& folder);
  Disk(Disk&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  Disk& operator=(Disk&&) = delete;
  ~Disk() { [[maybe_unused]] const auto done = bring_home(); }

  /// From now on there is room for what is on it and for `left` bytes (whole pages), no more;
  /// called again it also takes what has become free since. Errors: kIo.
  base::Status fill(std::uint64_t left) const;
  /// It has room again. Errors: kIo.
  base::Status empty() const;

  /// Takes the disk away and puts its files into the folder that it covered; sockets and pipes stay
  /// behind. Nobody may use it any more. A second call does nothing. Errors: kIo.
  base::Status bring_home();

 private:
  explicit Disk(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;  ///< empty: it is home
};

}  // namespace stress
