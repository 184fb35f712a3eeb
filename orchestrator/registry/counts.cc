#include "orchestrator/registry/counts.h"

#include <utility>

namespace orc {
namespace {

int number_or_zero(const Json& json, const char* name) {
  if (!json.is_object()) return 0;
  const auto member = json.find(name);
  if (member == json.end() || !member->is_number_integer()) return 0;
  const auto value = member->get<std::int64_t>();
  return std::in_range<int>(value) ? static_cast<int>(value) : 0;
}

}  // namespace

void count_agent(Counts& counts, AgentStatus status) {
  ++counts.agents_total;
  if (is_active(status)) ++counts.agents_active;
  if (status == AgentStatus::kCompleted) ++counts.agents_completed;
}

Json counts_json(const Counts& counts) {
  Json json = task_counts_json(counts);
  json["tasks_total"] = counts.tasks_total;
  json["tasks_active"] = counts.tasks_active;
  return json;
}

Json task_counts_json(const Counts& counts) {
  return Json{{"agents_total", counts.agents_total},
              {"agents_active", counts.agents_active},
              {"agents_completed", counts.agents_completed}};
}

Counts counts_from_json(const Json& json) {
  return {.agents_total = number_or_zero(json, "agents_total"),
          .agents_active = number_or_zero(json, "agents_active"),
          .agents_completed = number_or_zero(json, "agents_completed"),
          .tasks_total = number_or_zero(json, "tasks_total"),
          .tasks_active = number_or_zero(json, "tasks_active")};
}

}  // namespace orc
