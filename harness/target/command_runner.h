#pragma once

#include <string>
#include <vector>

#include "harness/target/placeholders.h"
#include "harness/target/target.h"
#include "harness/target/target_file.h"
#include "harness/target/tool_server.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/subprocess.h"

namespace stress {

/// How an operation came out.
struct Ran {
  OpOutcome outcome = OpOutcome::kInfo;
  std::string error;
  std::string out;   ///< what is looked into by JSON pointers
  std::string text;  ///< what regular expressions are held against
};

/// Runs the operations of a target file: programs, and tools of its MCP server, which is started
/// when it is first needed. Thread-safe but for close().
class CommandRunner {
 public:
  /// `file` must outlive it. `values`: the placeholders that mean the same all through a run.
  CommandRunner(const TargetFile& file, const RunPlace& place, Placeholders values);

  /// `own`: placeholders of this operation.
  [[nodiscard]] Ran run(const TargetCommand& command, const Placeholders& own,
                        bool dry_run = false);
  /// The operation as a program. It must be one, and no tool.
  [[nodiscard]] base::Command program(const TargetCommand& command, const Placeholders& own,
                                      bool dry_run = false) const;
  /// What such a program's end means.
  [[nodiscard]] Ran ran_of(const TargetCommand& command, const base::Outcome& outcome) const;
  /// Errors: kInvalid (a tool of one of `operations` is not there), those of the server.
  base::Status check_tools(const std::vector<const TargetCommand*>& operations);
  /// Ends the server; the next one who asks starts another.
  void close() { tools_.close(); }

 private:
  [[nodiscard]] Ran call_tool(const TargetCommand& command, const Placeholders& values,
                              bool dry_run);

  [[nodiscard]] Placeholders together(const Placeholders& own) const;

  const TargetFile& file_;
  std::vector<std::string> env_;
  Placeholders values_;
  ToolServer tools_;
};

}  // namespace stress
