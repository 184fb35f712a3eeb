#include "orchestrator/core/tasks.h"

#include <algorithm>
#include <array>
#include <utility>

namespace orc {
namespace {

using base::Errc;

constexpr std::size_t kDescriptionBytesMax = 64u << 10;
constexpr std::size_t kGuidanceBytesMax = 64u << 10;

base::Status check_guidance(const Json& guidance) {
  if (!guidance.is_object()) {
    return base::fail(Errc::kInvalid, "guidance must be a JSON object");
  }
  try {
    return check_text("guidance", guidance.dump(), kGuidanceBytesMax);
  } catch (const Json::exception& e) {
    return base::fail(Errc::kInvalid, "guidance: {}", e.what());
  }
}

base::Status check_request(const TaskRequest& request) {
  if (!request.id.empty()) {
    if (auto ok = check_name("task id", request.id); !ok) return ok;
  }
  if (request.description.empty()) {
    return base::fail(Errc::kInvalid, "a task needs a description");
  }
  if (auto ok = check_text("description", request.description, kDescriptionBytesMax); !ok) {
    return ok;
  }
  static constexpr std::array<std::string_view, 4> kPriorities{"low", "normal", "high", "critical"};
  if (std::ranges::find(kPriorities, request.priority) == kPriorities.end()) {
    return base::fail(Errc::kInvalid, "priority '{}' is none of low, normal, high, critical",
                      request.priority);
  }
  if (auto ok = check_limits(request.limits); !ok) return ok;
  return check_guidance(request.guidance);
}

}  // namespace

base::Result<std::string> create_task(const Workspace& workspace, const TaskRequest& request) {
  if (auto ok = check_request(request); !ok) return std::unexpected(ok.error());
  Task task;
  task.id = request.id;
  task.description = request.description;
  task.priority = request.priority;
  task.limits = request.limits;
  task.guidance = request.guidance;
  const auto commit =
      workspace.store().transact("task-create", task.id, [&](Transaction& tx) -> base::Status {
        task.created_at = base::wall_now();
        task.updated_at = task.created_at;
        if (task.id.empty()) {
          do task.id = new_task_id(task.created_at);
          while (tx.task(task.id) != nullptr);
        } else if (tx.task(task.id) != nullptr) {
          return base::fail(Errc::kExists, "task {} exists already", task.id);
        }
        tx.put(task);
        return {};
      });
  if (!commit) return std::unexpected(commit.error());
  return task.id;
}

}  // namespace orc
