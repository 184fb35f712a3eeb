#pragma once

#include <string>

#include "orchestrator/core/workspace.h"

namespace orc {

struct TaskRequest {
  std::string id;  ///< empty: a new one
  std::string description;
  std::string priority = "normal";
  Limits limits;
  Json guidance = Json::object();
};

/// Returns the task's id. Errors: kInvalid, kExists.
base::Result<std::string> create_task(const Workspace& workspace, const TaskRequest& request);

}  // namespace orc
