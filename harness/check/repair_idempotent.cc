#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/check/invariants.h"
#include "harness/check/tally.h"

namespace stress {
namespace {

/// What a run that had nothing to do did all the same; empty: nothing.
std::string misdeed(const RepairRun& run, bool may_report) {
  std::string did;
  if (!may_report && run.reported.value_or(0) != 0) {
    did = fmt::format("reported {}",
                      check::count_of(static_cast<std::uint64_t>(*run.reported), "repair"));
  }
  if (!run.changed_paths.empty()) {
    did +=
        fmt::format("{}changed {}", did.empty() ? "" : " and ", fmt::join(run.changed_paths, ", "));
  }
  return did;
}

}  // namespace

report::InvariantResult check_repair_idempotent(const Evidence& evidence) {
  constexpr std::string_view kId = "repair-idempotent";
  const TargetFacts& target = evidence.run.target;
  if (!target.has_repair) return check::Tally::not_applicable(kId, "the target has no repair");
  check::Tally tally(evidence, kId);
  std::uint64_t seconds = 0;
  std::uint64_t dry_runs = 0;
  for (const RepairRun& run : evidence.repairs) {
    const bool dry = run.role.starts_with("dry-run");
    if (!dry && run.role != "second") continue;
    ++(dry ? dry_runs : seconds);
    const std::string did = misdeed(run, dry);
    if (!did.empty()) {
      tally.fact();
      tally.violation({.summary = fmt::format("The {} at {} {}.", dry ? run.role : "second repair",
                                              tally.story().when(run.at.begin), did),
                       .at = run.at.end});
    } else if (!run.ok) {
      tally.missing(fmt::format("the {} itself failed{}{}", dry ? run.role : "second repair",
                                run.error.empty() ? "" : ": ", run.error));
    } else {
      tally.fact();
    }
  }
  if (seconds == 0) tally.missing("no second repair was run");
  if (target.has_dry_run && dry_runs == 0) tally.missing("no dry run was made");
  return std::move(tally).finish(fmt::format("{}, {}", check::count_of(seconds, "second repair"),
                                             check::count_of(dry_runs, "dry run")));
}

}  // namespace stress
