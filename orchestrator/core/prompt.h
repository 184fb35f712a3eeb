#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestrator/core/workspace.h"

namespace orc {

/// Everything an agent is told at birth; all of it from one snapshot of the registry.
struct Assignment {
  Agent agent;
  std::string task_description;
  Json guidance = Json::object();
  std::string instructions;            ///< the user's text for this agent, whole
  std::filesystem::path orchestrator;  ///< the program to report with
  std::vector<std::string> command;    ///< what the agent runs, placeholders as they were given
};

/// The text of the prompt file (Markdown).
std::string prompt_text(const Workspace& workspace, const Assignment& assignment);

/// Writes it, readable by its owner only. Not durable on purpose: no agent survives a power loss.
/// Errors: kIo; nothing is left behind then.
base::Status write_prompt(const Workspace& workspace, const Assignment& assignment);

/// The first `bytes_max` bytes at most, cut between characters.
std::string excerpt(const std::string& text, std::size_t bytes_max);

}  // namespace orc
