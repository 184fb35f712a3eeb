#include "harness/target/placeholders.h"

#include <algorithm>

namespace stress {
namespace {

/// Hands the text on in pieces: literal ones, names of placeholders, and `{{name}}`.
void scan(std::string_view text, const auto& literal, const auto& placeholder,
          const auto& doubled) {
  std::size_t done = 0;
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string_view::npos) break;
    const std::string_view name = text.substr(at + 1, end - at - 1);
    if (!is_placeholder_name(name)) continue;
    const char before = at > 0 ? text[at - 1] : ' ';
    if (before == '$' || before == '#') continue;
    if (before == '{' && at > done && end + 1 < text.size() && text[end + 1] == '}') {
      literal(text.substr(done, at - 1 - done));
      doubled(name);
      done = end + 2;
    } else {
      literal(text.substr(done, at - done));
      placeholder(name);
      done = end + 1;
    }
    at = done - 1;
  }
  literal(text.substr(done));
}

}  // namespace

bool is_placeholder_name(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::vector<std::string> placeholders_in(std::string_view text) {
  std::vector<std::string> names;
  const auto ignore = [](std::string_view) {};
  const auto note = [&](std::string_view name) {
    if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  };
  scan(text, ignore, note, ignore);
  return names;
}

std::string expand(std::string_view text, const Placeholders& values) {
  std::string result;
  const auto literal = [&](std::string_view piece) { result += piece; };
  const auto braced = [&](std::string_view name) { result.append("{").append(name).append("}"); };
  const auto replace = [&](std::string_view name) {
    const auto found = values.find(name);
    found != values.end() ? literal(found->second) : braced(name);
  };
  scan(text, literal, replace, braced);
  return result;
}

std::string fill_in(std::string_view text, const Placeholders& values) {
  std::string result;
  const auto literal = [&](std::string_view piece) { result += piece; };
  const auto braced = [&](std::string_view name) { result.append("{").append(name).append("}"); };
  const auto replace = [&](std::string_view name) {
    const auto found = values.find(name);
    found != values.end() ? literal(found->second) : braced(name);
  };
  const auto keep = [&](std::string_view name) { result.append("{{").append(name).append("}}"); };
  scan(text, literal, replace, keep);
  return result;
}

std::vector<std::string> expand(const std::vector<std::string>& texts, const Placeholders& values) {
  std::vector<std::string> result;
  result.reserve(texts.size());
  for (const std::string& text : texts) result.push_back(expand(text, values));
  return result;
}

}  // namespace stress
