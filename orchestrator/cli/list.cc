#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct ListOptions {
  std::string task;
  bool active = false;
};

int run_list(const Cli& cli, const ListOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto state = workspace->store().read();
  if (!state) return cli.fail(state.error());
  if (!options.task.empty() && (*state)->task(options.task) == nullptr) {
    return cli.fail({base::Errc::kNotFound, 0, "there is no task " + options.task});
  }
  Json agents = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"AGENT", "STATUS", "DONE", "TASK", "PARENT", "MESSAGE"}};
  for (const AgentEntry& entry : (*state)->agents()) {
    if (!options.task.empty() && entry.task_id != options.task) continue;
    if (options.active && !is_active(entry.status)) continue;
    const auto agent = (*state)->agent(entry.id);
    if (!agent) return cli.fail(agent.error());
    if (cli.json) {
      agents.push_back(to_json(*agent));
    } else {
      rows.push_back({agent->id, std::string(to_string(agent->status)),
                      fmt::format("{} %", agent->progress), agent->task_id, agent->parent,
                      first_line(agent->message, 60)});
    }
  }
  if (!cli.json) {
    print_table(rows);
    return kOk;
  }
  Json out{{"generation", (*state)->generation()}};
  out["restored_from"] = (*state)->restored_from() ? Json(*(*state)->restored_from()) : Json();
  out["counts"] = counts_json((*state)->counts());
  out["agents"] = std::move(agents);
  print_json(out);
  return kOk;
}

}  // namespace

void add_list(Cli& cli) {
  static ListOptions options;
  CLI::App* list = add_command(cli, cli.app, "list", "List the agents", options, &run_list);
  list->add_option("--task", options.task, "Only those of this task");
  list->add_flag("--active", options.active, "Only those that have not ended");
  list->footer("Example:\n  orchestrator list --active --json");
}

}  // namespace orc::cli
