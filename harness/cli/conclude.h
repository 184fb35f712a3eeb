#pragma once

#include <filesystem>
#include <string_view>

#include "harness/cli/exit_codes.h"
#include "harness/cli/say.h"
#include "harness/cli/terminal.h"
#include "orchestrator/base/error.h"
#include "reports/writers/writers.h"

namespace stress {

/// The end of a subcommand that has judged something: the report on standard output, where its
/// results are, and the exit code of its verdict. `written`: of the files in `results`.
template <class Report>
int conclude(std::string_view subcommand, const base::Status& written, const Report& report,
             const std::filesystem::path& results, bool json) {
  if (!written) {
    say(stderr, "stress {}: cannot write the results: {}\n", subcommand, written.error().message);
    return kExitInternal;
  }
  say("{}", json ? report::to_json(report) : report::to_terminal(report, colours_wanted()));
  if (!json) say("results: {}\n", results.string());
  return exit_code(report.verdict);
}

}  // namespace stress
