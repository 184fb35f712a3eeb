#include "harness/campaign/agent_lives.h"

#include <sstream>

#include <nlohmann/json.hpp>

#include "orchestrator/base/file_io.h"

namespace stress {

base::Result<std::vector<AgentLife>> read_agent_lives(const std::filesystem::path& file) {
  const base::Result<std::string> text = base::read_file(file);
  if (!text) {
    if (text.error().code == base::Errc::kNotFound) return std::vector<AgentLife>{};
    return std::unexpected(text.error());
  }
  std::vector<AgentLife> lives;
  std::istringstream lines(*text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (lines.eof()) break;  // no newline: its writer was killed
    try {
      const auto value = nlohmann::json::parse(line);
      AgentLife life;
      life.birth = value.at("event") == "birth";
      life.agent = value.at("agent");
      life.pid = value.at("pid");
      life.at = value.at("at");
      life.cause = value.value("cause", "");
      lives.push_back(std::move(life));
    } catch (const nlohmann::json::exception& error) {
      return base::fail(base::Errc::kInvalid, "{}:{}: {}", file.string(), number, error.what());
    }
  }
  return lives;
}

}  // namespace stress
