#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/history/codec.h"
#include "harness/target/target.h"
#include "harness/workload/control.h"
#include "orchestrator/base/unique_fd.h"

namespace stress {

/// Writes a worker's part of the history. Each event is one write(2) to a file opened for
/// appending, before the operation begins and after it has returned; so what was written survives a
/// SIGKILL of the writer, and an operation without a completion was cut off. Thread-safe: each
/// thread uses its own `state`.
class Recorder {
 public:
  static base::Result<Recorder> open(const std::filesystem::path& file);

  /// Marks the operation in `state`, then writes its invocation. Sets op.invoked.
  void begin(ThreadState& state, Operation& op) const;
  /// Writes the completion, then clears `state`.
  void complete(ThreadState& state, const Operation& op, const Reply& reply) const;
  /// An event of no operation: trouble.
  void note(const Event& event) const;

 private:
  explicit Recorder(base::UniqueFd fd) : fd_(std::move(fd)) {}
  void write_line(const Event& event) const;
  base::UniqueFd fd_;
};

}  // namespace stress
