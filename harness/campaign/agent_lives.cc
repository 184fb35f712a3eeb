#include "harness/campaign/agent_lives.h"

#include <sstream>

#include <nlohmann/json.hpp>

#include "orchestrator/base/file_io.h"

namespace stress {

base::Result<std::vector<AgentWord>> read_agent_words(const std::filesystem::path& file) {
  const base::Result<std::string> text = base::read_file(file);
  if (!text) {
    if (text.error().code == base::Errc::kNotFound) return std::vector<AgentWord>{};
    return std::unexpected(text.error());
  }
  std::vector<AgentWord> words;
  std::istringstream lines(*text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (lines.eof()) break;  // no newline: its writer was killed
    try {
      const auto value = nlohmann::json::parse(line);
      AgentWord word;
      AgentLife& life = word.life;
      life.birth = value.at("event") == "birth";
      life.agent = value.at("agent");
      life.pid = value.at("pid");
      life.at = value.at("at");
      life.cause = value.value("cause", "");
      word.session = value.value("session", "");
      word.parent = value.value("parent", std::int64_t{0});
      words.push_back(std::move(word));
    } catch (const nlohmann::json::exception& error) {
      return base::fail(base::Errc::kInvalid, "{}:{}: {}", file.string(), number, error.what());
    }
  }
  return words;
}

base::Result<std::vector<AgentLife>> read_agent_lives(const std::filesystem::path& file,
                                                      const AgentNames& names) {
  base::Result<std::vector<AgentWord>> words = read_agent_words(file);
  if (!words) return std::unexpected(words.error());
  std::vector<AgentLife> lives;
  lives.reserve(words->size());
  for (AgentWord& word : *words) {
    word.life.agent = names.of(word);
    lives.push_back(std::move(word.life));
  }
  return lives;
}

}  // namespace stress
