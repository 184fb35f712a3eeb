#include "orchestrator/cli/command.h"

namespace orc::cli {
namespace {

struct InitOptions {
  Config config;
  Limits limits;
  bool default_server = false;
  bool no_session_log = false;
  std::int64_t lock_timeout_ms = Config{}.lock_timeout.count();
  std::int64_t start_timeout_ms = Config{}.start_timeout.count();
};

/// The limits live in the registry, and an init that completes a half-made workspace leaves a
/// registry as it is.
void warn_of_other_limits(const Workspace& workspace, const Limits& wanted) {
  const auto state = workspace.store().read();
  if (!state || (*state)->limits() == wanted) return;
  fmt::print(stderr,
             "orchestrator: the registry was there already and keeps its limits; only the "
             "configuration is new\n");
}

int run_init(const Cli& cli, const InitOptions& options) {
  Config config = options.config;
  config.tmux_own_server = !options.default_server;
  config.session_log = !options.no_session_log;
  config.operations_log = !cli.no_operations_log;
  config.lock_timeout = std::chrono::milliseconds(options.lock_timeout_ms);
  config.start_timeout = std::chrono::milliseconds(options.start_timeout_ms);
  if (!cli.command.empty()) config.agent_command = cli.command;
  const auto workspace = Workspace::init(cli.workspace, config, options.limits);
  if (!workspace) return cli.fail(workspace.error());
  warn_of_other_limits(*workspace, options.limits);
  if (cli.json) {
    print_json({{"workspace", workspace->root().string()},
                {"workspace_id", workspace->config().workspace_id},
                {"sessions", workspace->config().sessions}});
  } else {
    fmt::print("{}\n", workspace->root().string());
  }
  return kOk;
}

}  // namespace

void add_init(Cli& cli) {
  static InitOptions options;
  CLI::App* init = add_command(cli, cli.app, "init", "Make a workspace", options, &run_init);
  cli.with_command.push_back(init);
  init->add_option("--sessions", options.config.sessions, "Where agents live")
      ->check(CLI::IsMember({"tmux", "process"}))
      ->capture_default_str();
  init->add_option("--tmux-socket", options.config.tmux_socket,
                   "Name (tmux -L) or absolute path (-S) of the tmux socket; a private one by "
                   "default");
  init->add_flag("--tmux-default-server", options.default_server,
                 "Use the user's own tmux server, not a private one");
  add_list_option(*init, "--agent-command", options.config.agent_command,
                  "What spawn runs where it is given no command; words that begin with a dash "
                  "need the form `init … -- COMMAND…`");
  init->add_option("--max-concurrent", options.limits.max_concurrent,
                   "Active agents at once; 0: unlimited")
      ->capture_default_str();
  init->add_option("--max-agents", options.limits.max_agents, "Agents in all; 0: unlimited")
      ->capture_default_str();
  init->add_option("--max-depth", options.limits.max_depth, "Levels of agents; 0: unlimited")
      ->capture_default_str();
  init->add_option("--lock-timeout-ms", options.lock_timeout_ms, "Longest wait for the registry")
      ->capture_default_str();
  init->add_option("--start-timeout-ms", options.start_timeout_ms,
                   "After this repair may give up an agent that is still starting")
      ->capture_default_str();
  init->add_flag("--no-session-log", options.no_session_log, "Do not keep what agents print");
  init->footer(
      "Example:\n  orchestrator --workspace work init --max-concurrent 8 -- my-agent "
      "--prompt {prompt_file}");
}

}  // namespace orc::cli
