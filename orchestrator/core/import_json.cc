#include "orchestrator/core/import_json.h"

#include <cstdint>
#include <utility>

namespace orc {

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > kNestingMax) return true;
    } else if (!quoted && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return false;
}

std::string text_of(const Json& json, const char* key, const std::string& fallback) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : fallback;
}

int number_of(const Json& json, const char* key, int fallback) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer()) return fallback;
  const auto value = it->get<std::int64_t>();
  return std::in_range<int>(value) ? static_cast<int>(value) : fallback;
}

void keep(Json& fields, std::string name, Json more) {
  if (more.empty()) return;
  while (fields.contains(name)) name.insert(0, "source_");
  fields[name] = std::move(more);
}

}  // namespace orc
