#pragma once

#include <filesystem>
#include <string>

#include "harness/campaign/storm.h"
#include "orchestrator/base/error.h"
#include "orchestrator/base/file_io.h"
#include "reports/model/report.h"
#include "reports/writers/writers.h"

namespace stress {

/// report.json, junit.xml, report.md, repro.sh and history.jsonl in the run's folder; what only
/// served the run (history parts, the control file, on success the workspaces) goes.
/// Errors: kIo, naming the file.
base::Status write_results(const StormResult& result);

/// A result as a file has it: report::Report, Crashes or Exploration.
/// Errors: kNotFound, kInvalid, naming the file.
template <class Result>
base::Result<Result> read_result(const std::filesystem::path& file) {
  const base::Result<std::string> text = base::read_file(file);
  if (!text) return std::unexpected(text.error());
  Result result;
  std::string error;
  if (!report::from_json(*text, result, error)) {
    return base::fail(base::Errc::kInvalid, "{}: {}", file.string(), error);
  }
  return result;
}

/// report.json of a results folder. Errors: kNotFound, kInvalid.
base::Result<report::Report> read_report(const std::filesystem::path& folder);

}  // namespace stress
