#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/campaign/settings.h"
#include "orchestrator/base/error.h"
#include "reports/model/report.h"

namespace stress {

/// One storm as a file: what to run, with which seeds, and what must come out of it.
struct Scenario {
  StormSettings settings;  ///< name: the file's "name"
  std::string description;
  std::vector<std::uint64_t> seeds;  ///< one run each
  /// Invariants that must have been judged and passed: not-applicable is not enough.
  std::vector<std::string> must_pass;
  std::map<std::string, std::uint64_t> totals;  ///< exact figures of the report's totals
};

/// Reads a scenario (JSON with comments; scenarios/schema/scenario.schema.json). A target file is
/// looked for from the scenario's folder.
/// Errors: kInvalid "FILE:LINE: FIELD: what is wrong and what would be right", kNotFound, kIo.
base::Result<Scenario> load_scenario(const std::filesystem::path& file);

/// The scenario files of a folder, or the one file, by name. Errors: kNotFound.
base::Result<std::vector<std::filesystem::path>> scenario_files(const std::filesystem::path& path);

/// Holds a run against what its scenario expects; adds an invariant "expectations" to the report,
/// and makes it fail where they are not met.
void hold_against(const Scenario& scenario, report::Report& report);

}  // namespace stress
