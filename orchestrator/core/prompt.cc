#include "orchestrator/core/prompt.h"

#include <fcntl.h>

#include <cerrno>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "orchestrator/base/unique_fd.h"
#include "orchestrator/session/tmux_quoting.h"

namespace orc {
namespace {

std::string guidance_text(const Json& guidance) {
  std::string out;
  for (const auto& [key, value] : guidance.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump(2);
    fmt::format_to(std::back_inserter(out), "- {}: {}\n", key, text);
  }
  return out;
}

/// A helper runs what the agent runs, unless the workspace knows what helpers run.
std::string helper_command(const Workspace& workspace, const Assignment& assignment) {
  if (!workspace.config().agent_command.empty() || assignment.command.empty()) return {};
  std::string out = " --";
  for (const std::string& word : assignment.command) out += " " + shell_word(word);
  return out;
}

base::Status write_all(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::fail_errno(errno, "write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

std::string prompt_text(const Workspace& workspace, const Assignment& assignment) {
  const Agent& agent = assignment.agent;
  const std::string program =
      fmt::format("{} --workspace {}", shell_word(assignment.orchestrator.string()),
                  shell_word(workspace.root().string()));
  std::string out;
  const auto add = std::back_inserter(out);
  fmt::format_to(add, "# Agent {}\n\n", agent.id);
  fmt::format_to(add, "- task: {}\n- type: {}\n- parent: {}\n- depth: {}\n\n", agent.task_id,
                 agent.type, agent.parent, agent.depth);
  fmt::format_to(add, "## Task\n\n{}\n\n", assignment.task_description);
  if (!assignment.guidance.empty()) {
    fmt::format_to(add, "## Guidance\n\n{}\n", guidance_text(assignment.guidance));
  }
  if (!assignment.instructions.empty()) {
    fmt::format_to(add, "## Your instructions\n\n{}\n\n", assignment.instructions);
  }
  fmt::format_to(add, "## How to report\n\n");
  fmt::format_to(add,
                 "Progress:\n\n    {} update {} --status working --progress 40 --message TEXT\n\n",
                 program, agent.id);
  fmt::format_to(add, "A finding:\n\n    {} finding {} --kind issue --severity high TEXT\n\n",
                 program, agent.id);
  fmt::format_to(
      add,
      "A helper below you:\n\n    {} spawn --task {} --parent {} --type TYPE --prompt TEXT{}\n\n",
      program, agent.task_id, agent.id, helper_command(workspace, assignment));
  fmt::format_to(
      add, "The end (or `--status error`):\n\n    {} update {} --status completed --progress 100\n",
      program, agent.id);
  return out;
}

base::Status write_prompt(const Workspace& workspace, const Assignment& assignment) {
  const std::filesystem::path path = workspace.prompt_file(assignment.agent.id);
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return base::fail_errno(errno, "create", path);
  auto written = write_all(fd.get(), prompt_text(workspace, assignment), path);
  if (!written) ::unlink(path.c_str());
  return written;
}

std::string excerpt(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return text.substr(0, end);
}

}  // namespace orc
