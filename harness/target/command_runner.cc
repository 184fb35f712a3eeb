#include "harness/target/command_runner.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/target/command_reply.h"
#include "orchestrator/base/subprocess.h"

namespace stress {
namespace {

/// After how long an operation is ended. The harness waits longer than the deadline that it judges
/// by: an operation is proven to be stuck by how it looks for some seconds beyond it, and one that
/// has been killed proves nothing.
std::chrono::milliseconds patience(const TargetFile& file) {
  constexpr std::chrono::milliseconds kBeyond{20'000};
  return file.timeout + std::min(10 * file.timeout, kBeyond);
}

RpcServer mcp_server(const TargetFile& file, const RunPlace& place, const Placeholders& values) {
  RpcServer server;
  server.argv = expand(file.mcp, values);
  server.env = place.env;
  server.cwd = expand(file.cwd, values);
  server.log = place.agent_log.parent_path() / "logs" / fmt::format("mcp-{}.log", ::getpid());
  return server;
}

}  // namespace

CommandRunner::CommandRunner(const TargetFile& file, const RunPlace& place, Placeholders values)
    : file_(file),
      env_(place.env),
      values_(std::move(values)),
      tools_(mcp_server(file, place, values_), patience(file)) {}

Ran CommandRunner::run(const TargetCommand& command, const Placeholders& own, bool dry_run) {
  if (!command.tool.empty()) return call_tool(command, together(own), dry_run);
  const base::Result<base::Outcome> outcome = base::run(program(command, own, dry_run));
  return outcome ? ran_of(command, *outcome) : Ran{.error = outcome.error().message};
}

Placeholders CommandRunner::together(const Placeholders& own) const {
  Placeholders values = values_;
  values.insert(own.begin(), own.end());
  return values;
}

Ran CommandRunner::call_tool(const TargetCommand& command, const Placeholders& values,
                             bool dry_run) {
  nlohmann::json arguments = expand_arguments(command.arguments, values);
  if (dry_run) arguments.update(expand_arguments(command.dry_run_arguments, values));
  const base::Result<McpReply> reply = tools_.call(command.tool, arguments);
  if (!reply) return {.error = reply.error().message};
  Ran ran{.out = json_of(*reply), .text = reply->text()};
  if (!reply->is_error) {
    ran.outcome = OpOutcome::kOk;
    return ran;
  }
  if (says(ran.text, command.refused_text)) ran.outcome = OpOutcome::kRefused;
  ran.error = in_short(ran.text);
  return ran;
}

base::Command CommandRunner::program(const TargetCommand& command, const Placeholders& own,
                                     bool dry_run) const {
  const Placeholders values = together(own);
  base::Command process;
  process.argv = expand(command.argv, values);
  if (dry_run) {
    for (const std::string& word : expand(command.dry_run, values)) process.argv.push_back(word);
  }
  process.env = env_;
  process.cwd = expand(file_.cwd, values);
  process.timeout = patience(file_);
  return process;
}

Ran CommandRunner::ran_of(const TargetCommand& command, const base::Outcome& outcome) const {
  Ran ran;
  ran.out = ran.text = outcome.out;
  if (!outcome.timed_out && outcome.signal == 0) {
    if (command.ok.contains(outcome.exit_code)) {
      ran.outcome = OpOutcome::kOk;
      return ran;
    }
    if (command.refused.contains(outcome.exit_code) || says(outcome.err, command.refused_text) ||
        says(outcome.out, command.refused_text)) {
      ran.outcome = OpOutcome::kRefused;
    }
  }
  ran.error = how_it_ended(outcome, patience(file_));
  return ran;
}

base::Status CommandRunner::check_tools(const std::vector<const TargetCommand*>& operations) {
  if (file_.mcp.empty()) return {};
  const auto tools = tools_.list_tools();
  if (!tools) return base::fail_from(tools.error(), file_.file.string());
  for (const TargetCommand* operation : operations) {
    if (operation->tool.empty()) continue;
    if (std::ranges::find(*tools, operation->tool) != tools->end()) continue;
    return base::fail(base::Errc::kInvalid, "{}: the MCP server has no tool \"{}\"; it has {}",
                      file_.file.string(), operation->tool, fmt::join(*tools, ", "));
  }
  return {};
}

}  // namespace stress
