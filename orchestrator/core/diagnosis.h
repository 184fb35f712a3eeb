#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/core/observation.h"
#include "orchestrator/core/validator.h"

namespace orc {

/// What repair does about a problem. Each change of a record is a compare and set on the status
/// and the attempt that were observed.
enum class Fix {
  kNone,        ///< reported only
  kRestore,     ///< set the damaged registry aside, put its backup in place
  kFail,        ///< the record becomes `failed`; a surviving process of it is ended first, what is
                ///< left of its session afterwards
  kFence,       ///< the record becomes `failed`, which closes its gate; then its session is ended
  kAdopt,       ///< the record gets its listed session and becomes `running`
  kFinishStop,  ///< claim the record, end its session, `terminated`
  kEndSession,
  kKillProcess,
  kRecount,
  kRemoveTemporaries,
  kRemovePrompt,
};

struct Problem {
  ValidatorFinding finding;
  Fix fix = Fix::kNone;
  std::optional<Agent> agent;                    ///< as it was observed
  std::optional<SessionIdentity> session;        ///< to adopt or to end
  std::optional<base::ProcessIdentity> process;  ///< to kill
};

/// Pure but for asking the kernel whether recorded processes live.
std::vector<Problem> diagnose(const Workspace& workspace, const Observation& seen);

}  // namespace orc
