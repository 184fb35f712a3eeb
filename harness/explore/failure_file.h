#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/explore/plan.h"

namespace stress {

/// A failing schedule as it is kept: everything that `stress replay` needs to run it again.
/// One JSON object: "format" (1), "version", "inputs", "broken", "scene" (target, sessions, ops,
/// prepared, types, seed) and "plan" (of kind replay: its decisions, and a line of trace for each).
struct FailureFile {
  std::string version;              ///< of this program
  std::string inputs;               ///< see hash_of_inputs()
  Scene scene;                      ///< its folder means nothing
  SchedulePlan plan;                ///< of kind kReplay
  std::vector<std::string> broken;  ///< ids of the invariants
};

/// Errors: kIo.
base::Status store_failure(const FailureFile& failure, const std::filesystem::path& file);
/// Errors: kNotFound, kIo, kInvalid (what is wrong with it, in one sentence).
base::Result<FailureFile> load_failure(const std::filesystem::path& file);

/// A hash of what decides how a target behaves: the target file and the files beside it; of the
/// built-in one, its program. Other programs that they run are not in it.
std::string hash_of_inputs(const std::string& target);

}  // namespace stress
