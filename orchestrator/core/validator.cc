#include "orchestrator/core/validator.h"

#include <algorithm>
#include <utility>

#include "orchestrator/core/diagnosis.h"
#include "orchestrator/core/repairer.h"

namespace orc {
namespace {

ValidatorReport report_of(const Workspace& workspace, const Observation& seen,
                          std::vector<Problem> problems) {
  ValidatorReport report;
  report.agents_checked = seen.agents_total;
  report.server_running = seen.after.server_running;
  report.sessions_checked =
      static_cast<int>(std::ranges::count_if(seen.after.sessions, [&](const Session& session) {
        return session.workspace == workspace.config().workspace_id;
      }));
  for (Problem& problem : problems) report.findings.push_back(std::move(problem.finding));
  return report;
}

}  // namespace

std::string_view to_string(FindingKind kind) {
  switch (kind) {
    case FindingKind::kGhost:
      return "ghost";
    case FindingKind::kOrphan:
      return "orphan";
    case FindingKind::kCountMismatch:
      return "count-mismatch";
    case FindingKind::kDuplicateId:
      return "duplicate-id";
    case FindingKind::kDuplicateSession:
      return "duplicate-session";
    case FindingKind::kBrokenHierarchy:
      return "broken-hierarchy";
    case FindingKind::kStaleStarting:
      return "stale-starting";
    case FindingKind::kStaleStopping:
      return "stale-stopping";
    case FindingKind::kStrayProcess:
      return "stray-process";
    case FindingKind::kReusedPid:
      return "reused-pid";
    case FindingKind::kDamagedFile:
      return "damaged-file";
    case FindingKind::kLeftoverFile:
      return "leftover-file";
    case FindingKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

base::Result<ValidatorReport> validate(const Workspace& workspace) {
  const auto seen = observe(workspace);
  if (!seen) return std::unexpected(seen.error());
  return report_of(workspace, *seen, diagnose(workspace, *seen));
}

base::Result<ValidatorReport> repair(const Workspace& workspace, bool dry_run) {
  if (dry_run) return validate(workspace);
  auto seen = observe(workspace);
  if (!seen) return std::unexpected(seen.error());
  std::vector<Problem> restored;
  if (seen->damage) {
    restored = diagnose(workspace, *seen);
    // Any transaction restores the backup before it does its own work; this one has none.
    const auto commit = workspace.store().transact("repair-restore", "",
                                                   [](Transaction&) -> base::Status { return {}; });
    if (!commit) {
      restored.front().finding.message += "; " + commit.error().message;
      return report_of(workspace, *seen, std::move(restored));
    }
    restored.front().finding.repaired = true;
    seen = observe(workspace);
    if (!seen) return std::unexpected(seen.error());
  }
  auto problems = apply_repairs(workspace, diagnose(workspace, *seen));
  if (!problems) return std::unexpected(problems.error());
  problems->insert(problems->begin(), std::make_move_iterator(restored.begin()),
                   std::make_move_iterator(restored.end()));
  return report_of(workspace, *seen, *std::move(problems));
}

}  // namespace orc
