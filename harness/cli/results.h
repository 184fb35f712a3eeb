#pragma once

#include <filesystem>

#include "harness/campaign/storm.h"
#include "orchestrator/base/error.h"
#include "reports/model/report.h"

namespace stress {

/// report.json, junit.xml, report.md, repro.sh and history.jsonl in the run's folder; what only
/// served the run (history parts, the control file, on success the workspaces) goes.
/// Errors: kIo, naming the file.
base::Status write_results(const StormResult& result);

/// Errors: kNotFound, kInvalid, naming the file.
base::Result<report::Report> read_report_file(const std::filesystem::path& file);

/// report.json of a results folder. Errors: kNotFound, kInvalid.
base::Result<report::Report> read_report(const std::filesystem::path& folder);

}  // namespace stress
