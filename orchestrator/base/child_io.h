#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "orchestrator/base/error.h"
#include "orchestrator/base/unique_fd.h"

namespace base {

// What a child process is given to read, to write and to report by. All descriptors are close-on-
// exec and lie above the standard ones, so that they can be moved there. Errors: kIo.

/// The null device, for reading.
Result<UniqueFd> no_input();

/// For appending, made where it is not there; the null device where the path is empty.
Result<UniqueFd> open_log(const std::filesystem::path& log);

/// Both ends of a channel between us and a child.
struct Channel {
  UniqueFd ours;
  UniqueFd child;
};

enum class Direction { kFromChild, kToChild };

/// A pipe; our end does not block.
Result<Channel> pipe_channel(Direction direction);

/// A socket pair.
Result<Channel> report_channel();

/// Standard input as a file in memory: no pipe to be fed, no SIGPIPE when the reader goes away.
Result<UniqueFd> input_file(std::string_view text);

/// Our end of one output stream of a running command, and what came out of it so far.
class OutputStream {
 public:
  /// Keeps the first `bytes_max` and drops the rest.
  OutputStream(UniqueFd fd, std::size_t bytes_max) : fd_(std::move(fd)), bytes_max_(bytes_max) {}

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// At most `bytes_max` of what is there now; closes at end of file.
  void read_some(std::size_t bytes_max);
  /// What the dead command left in the pipe; a descendant may go on writing, so not up to the end.
  void read_rest();
  std::string take() { return std::move(text_); }

 private:
  UniqueFd fd_;
  std::size_t bytes_max_;
  std::size_t drained_ = 0;
  std::string text_;
};

}  // namespace base
