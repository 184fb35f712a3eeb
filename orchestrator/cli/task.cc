#include "orchestrator/cli/command.h"
#include "orchestrator/core/tasks.h"

namespace orc::cli {
namespace {

struct CreateOptions {
  TaskRequest request;
  std::string guidance;
};

int run_create(const Cli& cli, const CreateOptions& options) {
  TaskRequest request = options.request;
  if (!options.guidance.empty()) {
    request.guidance = Json::parse(options.guidance, nullptr, false);
    if (request.guidance.is_discarded()) {
      return cli.fail({base::Errc::kInvalid, 0, "--guidance is not JSON"});
    }
  }
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto id = create_task(*workspace, request);
  if (!id) return cli.fail(id.error());
  if (cli.json) {
    print_json({{"task_id", *id}});
  } else {
    fmt::print("{}\n", *id);
  }
  return kOk;
}

struct TaskListOptions {};

int run_task_list(const Cli& cli, const TaskListOptions&) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto state = workspace->store().read();
  if (!state) return cli.fail(state.error());
  auto counts = (*state)->counts_by_task();
  Json tasks = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"TASK", "STATUS", "PRIORITY", "ACTIVE", "AGENTS", "DESCRIPTION"}};
  for (const Task& task : (*state)->tasks()) {
    const Counts& of_task = counts[task.id];
    Json json = to_json(task);
    json["counts"] = counts_json(of_task);
    tasks.push_back(std::move(json));
    rows.push_back({task.id, task.status, task.priority, std::to_string(of_task.agents_active),
                    std::to_string(of_task.agents_total), first_line(task.description, 60)});
  }
  if (cli.json) {
    print_json({{"tasks", std::move(tasks)}});
  } else {
    print_table(rows);
  }
  return kOk;
}

struct StatusOptions {
  std::string task;
};

int run_status(const Cli& cli, const StatusOptions& options) {
  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto state = workspace->store().read();
  if (!state) return cli.fail(state.error());
  const Task* task = (*state)->task(options.task);
  if (task == nullptr) {
    return cli.fail({base::Errc::kNotFound, 0, "there is no task " + options.task});
  }
  const Counts counts = (*state)->counts_by_task()[task->id];
  Json agents = Json::array();
  for (const AgentEntry& entry : (*state)->agents()) {
    if (entry.task_id != task->id) continue;
    const auto agent = (*state)->agent(entry.id);
    if (!agent) return cli.fail(agent.error());
    agents.push_back(to_json(*agent));
  }
  if (cli.json) {
    print_json(
        {{"task", to_json(*task)}, {"counts", counts_json(counts)}, {"agents", std::move(agents)}});
    return kOk;
  }
  fmt::print("{}\nstatus {}, priority {}, {} active of {} agents, {} completed\n{}\n", task->id,
             task->status, task->priority, counts.agents_active, counts.agents_total,
             counts.agents_completed, task->description);
  for (const Json& agent : agents) {
    fmt::print("  {}  {}  {} %  {}\n", agent["id"].get<std::string>(),
               agent["status"].get<std::string>(), agent["progress"].get<int>(),
               first_line(agent["message"].get<std::string>(), 60));
    for (const Json& finding : agent["findings"]) {
      fmt::print("    {} ({}): {}\n", finding["kind"].get<std::string>(),
                 finding["severity"].get<std::string>(),
                 one_line(finding["message"].get<std::string>()));
    }
  }
  return kOk;
}

}  // namespace

void add_task(Cli& cli) {
  static CreateOptions create_options;
  static TaskListOptions list_options;
  static StatusOptions status_options;
  CLI::App* task = cli.app.add_subcommand("task", "Create, list and show tasks");
  task->require_subcommand(1);

  CLI::App* create =
      add_command(cli, *task, "create", "Create a task", create_options, &run_create);
  TaskRequest& request = create_options.request;
  create
      ->add_option("description", request.description,
                   "What is to be done; after `--` where it begins with a dash")
      ->required();
  create->add_option("--id", request.id, "Its id; a new one by default");
  create->add_option("--priority", request.priority, "low, normal, high or critical")
      ->capture_default_str();
  create
      ->add_option("--max-concurrent", request.limits.max_concurrent,
                   "Active agents at once; 0: unlimited")
      ->capture_default_str();
  create->add_option("--max-agents", request.limits.max_agents, "Agents in all; 0: unlimited")
      ->capture_default_str();
  create->add_option("--max-depth", request.limits.max_depth, "Levels of agents; 0: unlimited")
      ->capture_default_str();
  create->add_option("--guidance", create_options.guidance,
                     "A JSON object that goes into each agent's prompt");
  create->footer(
      "Example:\n  orchestrator task create --id parser --max-concurrent 4 \"Write the parser\"");

  add_command(cli, *task, "list", "List the tasks", list_options, &run_task_list)
      ->footer("Example:\n  orchestrator task list --json");
  CLI::App* status =
      add_command(cli, *task, "status", "Show a task with its agents", status_options, &run_status);
  status->add_option("task", status_options.task, "The task's id")->required();
  status->footer("Example:\n  orchestrator task status parser");
}

}  // namespace orc::cli
