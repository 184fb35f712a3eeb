#include <map>
#include <set>

#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct TreeOptions {
  std::string task;
};

/// The agents of one task below one parent. Each is shown once, so that a broken hierarchy with a
/// cycle ends as well.
class Tree {
 public:
  explicit Tree(const std::vector<Agent>& agents) {
    for (const Agent& agent : agents) by_id_[agent.id] = &agent;
    for (const Agent& agent : agents) {
      // Whoever's parent is gone is shown at the top.
      const bool known = by_id_.contains(agent.parent);
      children_[known ? agent.parent : std::string(kRootParent)].push_back(&agent);
    }
    roots_ = build(std::string(kRootParent));
    for (const Agent& agent : agents) {
      if (!shown_.contains(agent.id)) roots_.push_back(node(agent));
    }
  }

  [[nodiscard]] const Json& roots() const { return roots_; }

 private:
  Json build(const std::string& parent) {
    Json list = Json::array();
    for (const Agent* agent : children_[parent]) {
      if (!shown_.contains(agent->id)) list.push_back(node(*agent));
    }
    return list;
  }

  Json node(const Agent& agent) {
    shown_.insert(agent.id);
    return {{"id", agent.id},
            {"type", agent.type},
            {"status", to_string(agent.status)},
            {"progress", agent.progress},
            {"children", build(agent.id)}};
  }

  std::map<std::string, const Agent*> by_id_;
  std::map<std::string, std::vector<const Agent*>> children_;
  std::set<std::string> shown_;
  Json roots_;
};

void print(const Json& nodes, std::size_t level) {
  for (const Json& node : nodes) {
    fmt::print("{:{}}{}  {}  {} %\n", "", 2 * level, node["id"].get<std::string>(),
               node["status"].get<std::string>(), node["progress"].get<int>());
    print(node["children"], level + 1);
  }
}

int run_tree(const Cli& cli, const TreeOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto state = workspace->store().read();
  if (!state) return cli.fail(state.error());
  if (!options.task.empty() && (*state)->task(options.task) == nullptr) {
    return cli.fail({base::Errc::kNotFound, 0, "there is no task " + options.task});
  }
  std::map<std::string, std::vector<Agent>> by_task;
  for (const Task& task : (*state)->tasks()) by_task[task.id];
  for (const AgentEntry& entry : (*state)->agents()) {
    auto agent = (*state)->agent(entry.id);
    if (!agent) return cli.fail(agent.error());
    by_task[agent->task_id].push_back(*std::move(agent));
  }
  Json tasks = Json::array();
  for (const auto& [id, agents] : by_task) {
    if (!options.task.empty() && id != options.task) continue;
    const Tree tree(agents);
    if (cli.json) {
      tasks.push_back({{"task_id", id}, {"agents", tree.roots()}});
    } else {
      fmt::print("{}\n", id);
      print(tree.roots(), 1);
    }
  }
  if (cli.json) print_json({{"tasks", std::move(tasks)}});
  return kOk;
}

}  // namespace

void add_tree(Cli& cli) {
  static TreeOptions options;
  CLI::App* tree = add_command(cli, cli.app, "tree", "Show who started whom", options, &run_tree);
  tree->add_option("--task", options.task, "Only this task");
  tree->footer("Example:\n  orchestrator tree --task parser");
}

}  // namespace orc::cli
