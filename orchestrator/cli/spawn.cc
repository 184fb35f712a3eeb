#include <filesystem>

#include "orchestrator/base/file_io.h"
#include "orchestrator/cli/command.h"
#include "orchestrator/core/spawner.h"

namespace orc::cli {
namespace {

struct SpawnOptions {
  SpawnRequest request;
  std::string prompt_file;
  std::string cwd;
};

int run_spawn(const Cli& cli, const SpawnOptions& options) {
  SpawnRequest request = options.request;
  if (!options.prompt_file.empty()) {
    auto text = base::read_file(options.prompt_file);
    if (!text) return cli.fail({base::Errc::kInvalid, 0, text.error().message});
    request.prompt = *std::move(text);
  }
  std::error_code error;
  request.cwd = options.cwd.empty() ? std::filesystem::current_path(error)
                                    : std::filesystem::canonical(options.cwd, error);
  if (error) {
    return cli.fail({base::Errc::kInvalid, error.value(),
                     fmt::format("working folder {}: {}", options.cwd, error.message())});
  }
  request.command = cli.command;
  request.find_program = true;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return cli.fail({base::Errc::kIo, error.value(), "cannot read /proc/self/exe"});

  const auto workspace = cli.open();
  if (!workspace) return cli.fail(workspace.error());
  const auto reply = Spawner(*workspace, program).spawn(request);
  if (!reply) return cli.fail(reply.error());
  if (cli.json) {
    print_json({{"agent_id", reply->agent_id},
                {"session", reply->session},
                {"task_id", request.task_id},
                {"depth", reply->depth},
                {"prompt_file", reply->prompt_file.string()},
                {"log_file", reply->log_file.string()}});
  } else {
    fmt::print("{}\n", reply->agent_id);
  }
  return kOk;
}

}  // namespace

void add_spawn(Cli& cli) {
  static SpawnOptions options;
  CLI::App* spawn = add_command(cli, cli.app, "spawn", "Start an agent", options, &run_spawn);
  cli.with_command.push_back(spawn);
  SpawnRequest& request = options.request;
  spawn->add_option("--task", request.task_id, "The task it works on")->required();
  spawn->add_option("--type", request.type, "What kind of agent, e.g. coder")->required();
  spawn->add_option("--parent", request.parent, "The agent it belongs to")->capture_default_str();
  CLI::Option* text = spawn->add_option("--prompt", request.prompt, "Its instructions");
  spawn->add_option("--prompt-file", options.prompt_file, "The same, from a file (1 MiB at most)")
      ->excludes(text);
  add_list_option(*spawn, "--track", request.tracked_files, "A file it is to work on; repeatable");
  spawn->add_option("--cwd", options.cwd, "Its working folder; the present one by default");
  spawn->add_flag("--unique-type", request.unique_type,
                  "Refuse while the task has an active agent of this type");
  spawn->footer(
      "After `--` follows what the agent runs; without it, the command given to init.\n"
      "{agent_id} {task_id} {type} {prompt_file} {workspace} in it are replaced; the agent finds\n"
      "the same in SPAWNSTORM_AGENT_ID, _TASK_ID, _AGENT_TYPE, _PROMPT_FILE, _WORKSPACE.\n\n"
      "Example:\n  orchestrator spawn --task parser --type coder --prompt \"Begin\" -- my-agent "
      "{prompt_file}");
}

}  // namespace orc::cli
