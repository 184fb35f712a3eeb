#include "orchestrator/core/diagnosis.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "orchestrator/core/diagnosis_parts.h"

namespace orc {
namespace {

void add(std::vector<Problem>& out, FindingKind kind, std::string agent_id, std::string message) {
  Problem problem;
  problem.finding.kind = kind;
  problem.finding.agent_id = std::move(agent_id);
  problem.finding.message = std::move(message);
  out.push_back(std::move(problem));
}

std::string describe(const Counts& counts) {
  return fmt::format("{} agents, {} active, {} completed, {} tasks, {} active tasks",
                     counts.agents_total, counts.agents_active, counts.agents_completed,
                     counts.tasks_total, counts.tasks_active);
}

void diagnose_counts(const Observation& seen, std::vector<Problem>& out) {
  const auto mismatch = [&](std::string_view whose, const Counts& stored, const Counts& real) {
    add(out, FindingKind::kCountMismatch, "",
        fmt::format("{} is said to have {}, and has {}", whose, describe(stored), describe(real)));
    out.back().finding.repair = "count again";
    out.back().fix = Fix::kRecount;
  };
  if (seen.stored_counts != seen.counts) {
    mismatch("the workspace", seen.stored_counts, seen.counts);
  }
  std::map<std::string, std::pair<Counts, Counts>> by_task;
  for (const auto& [id, counts] : seen.stored_counts_by_task) by_task[id].first = counts;
  for (const auto& [id, counts] : seen.counts_by_task) by_task[id].second = counts;
  for (const auto& [id, counts] : by_task) {
    if (counts.first != counts.second) mismatch("task " + id, counts.first, counts.second);
  }
}

/// The family tree, in which every record is parsed once.
class Hierarchy {
 public:
  Hierarchy(const RegistryState& state, std::vector<Problem>& out) : state_(state), out_(out) {}

  void insert(const Agent& agent) {
    nodes_.emplace(agent.id, Node{agent.task_id, agent.parent, agent.depth});
  }

  void check() {
    for (const AgentEntry& entry : state_.agents()) {
      const auto node = nodes_.find(std::string(entry.id));
      if (node != nodes_.end()) check_node(node->first, node->second);
    }
  }

 private:
  struct Node {
    std::string task_id, parent;
    int depth;
  };

  void broken(const std::string& id, std::string message) {
    add(out_, FindingKind::kBrokenHierarchy, id, std::move(message));
  }

  void check_node(const std::string& id, const Node& node) {
    if (state_.task(node.task_id) == nullptr) {
      broken(id,
             fmt::format("agent {} belongs to task {}, which does not exist", id, node.task_id));
    }
    if (node.parent == kRootParent) {
      if (node.depth != 1) {
        broken(id, fmt::format("agent {} has depth {} right below the root", id, node.depth));
      }
      return;
    }
    const auto parent = nodes_.find(node.parent);
    if (parent == nodes_.end()) {
      broken(id, fmt::format("agent {} has parent {}, which does not exist", id, node.parent));
    } else if (parent->second.task_id != node.task_id) {
      broken(id, fmt::format("agent {} of task {} has a parent of task {}, {}", id, node.task_id,
                             parent->second.task_id, node.parent));
    } else if (node.depth != parent->second.depth + 1) {
      // Also what gives a cycle away: depths cannot grow by one all the way round.
      broken(id, fmt::format("agent {} has depth {}, its parent {} has {}{}", id, node.depth,
                             node.parent, parent->second.depth,
                             in_cycle(id) ? ", and they are their own ancestors" : ""));
    }
  }

  bool in_cycle(const std::string& id) const {
    std::string at = id;
    for (std::size_t steps = 0; steps <= nodes_.size(); ++steps) {
      const auto node = nodes_.find(at);
      if (node == nodes_.end()) return false;
      at = node->second.parent;
      if (at == id) return true;
    }
    return false;
  }

  const RegistryState& state_;
  std::vector<Problem>& out_;
  std::unordered_map<std::string, Node> nodes_;
};

void diagnose_tasks(const Observation& seen, std::vector<Problem>& out) {
  std::unordered_set<std::string_view> met;
  for (const Task& task : seen.later->tasks()) {
    if (task.status == kUnreadableTask) {
      add(out, FindingKind::kDamagedFile, "",
          fmt::format("the record of task {} is illegible: {}", task.id, task.description));
    }
    if (!met.insert(task.id).second) {
      add(out, FindingKind::kDuplicateId, "", fmt::format("two tasks have the id {}", task.id));
    }
  }
}

/// One pass over all records: those that do not parse, the tree, and ended ones whose process
/// lives on. Of two with one id, one may be the agent's that lives.
void diagnose_records(const Observation& seen, std::vector<Problem>& out) {
  Hierarchy hierarchy(*seen.later, out);
  int index = 0;
  for (const AgentEntry& entry : seen.later->agents()) {
    const bool older_than_listing = index++ < seen.agents_total;
    const auto agent = seen.later->agent(entry.id);
    if (!agent) {
      add(out, FindingKind::kDamagedFile, std::string(entry.id),
          fmt::format("the record of agent {} is illegible: {}", entry.id, agent.error().message));
      continue;
    }
    hierarchy.insert(*agent);
    if (older_than_listing && is_terminal(agent->status) &&
        !seen.duplicate_ids.contains(entry.id)) {
      diagnose_ended(seen, *agent, out);
    }
  }
  hierarchy.check();
  for (const std::string& id : seen.duplicate_ids) {
    add(out, FindingKind::kDuplicateId, id, fmt::format("two records have the id {}", id));
  }
}

/// The prompt of an agent that never came up serves nobody: its spawner was killed before it could
/// remove it. The others are kept, as the logs are.
void diagnose_leftovers(const Workspace& workspace, const Observation& seen,
                        std::vector<Problem>& out) {
  for (const std::string& name : seen.leftovers) {
    add(out, FindingKind::kLeftoverFile, "",
        fmt::format("{} was left by a writer that was killed", name));
    out.back().finding.repair = "remove it";
    out.back().fix = Fix::kRemoveTemporaries;
  }
  for (const std::string& id : seen.prompt_ids) {
    if (seen.duplicate_ids.contains(id)) continue;
    const AgentEntry* entry = seen.later->find(id);
    if (entry != nullptr) {
      if (!is_terminal(entry->status)) continue;
      const auto agent = seen.later->agent(id);
      const bool never_up =
          agent && !agent->started_at &&
          (agent->status == AgentStatus::kFailed || agent->status == AgentStatus::kTerminated);
      if (!never_up) continue;
    }
    add(out, FindingKind::kLeftoverFile, id,
        fmt::format("{} belongs to {}", workspace.prompt_file(id).string(),
                    entry == nullptr ? "no record" : "an agent that never came up"));
    out.back().finding.repair = "remove it";
    out.back().fix = Fix::kRemovePrompt;
  }
}

}  // namespace

std::vector<Problem> diagnose(const Workspace& workspace, const Observation& seen) {
  std::vector<Problem> out;
  if (seen.damage) {
    add(out, FindingKind::kDamagedFile, "", seen.damage->message);
    out.back().finding.repair = "set it aside and restore its newest good backup";
    out.back().fix = Fix::kRestore;
    return out;
  }
  diagnose_sessions(workspace, seen, out);
  diagnose_counts(seen, out);
  diagnose_tasks(seen, out);
  diagnose_records(seen, out);
  diagnose_leftovers(workspace, seen, out);
  return out;
}

}  // namespace orc
