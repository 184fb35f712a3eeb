#include "harness/target/command_reply.h"

#include <string.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/target/target_file.h"

namespace stress {
namespace {

using nlohmann::json;

constexpr std::size_t kShownBytesMax = 500;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string_view last_line(std::string_view text) {
  const std::string_view whole = trimmed(text);
  const std::size_t newline = whole.rfind('\n');
  return newline == std::string_view::npos ? whole : trimmed(whole.substr(newline + 1));
}

/// A match takes stack for each byte, so of a long text the lines at its beginning and at its end
/// are searched: a reply comes first or last, and no line that could be cut is taken for whole.
std::vector<std::string> searched(const std::string& text) {
  constexpr std::size_t kMost = 4096;
  if (text.size() <= kMost) return {text};
  const std::size_t end = text.rfind('\n', kMost);
  const std::size_t begin = text.find('\n', text.size() - kMost);
  return {text.substr(0, end == std::string::npos ? 0 : end),
          begin == std::string::npos ? "" : text.substr(begin + 1)};
}

/// nullptr: no such place.
const json* find(const json& within, std::string_view pointer) {
  const json::json_pointer place{std::string(pointer)};
  return within.contains(place) ? &within.at(place) : nullptr;
}

json parse(const std::string& output) {
  json whole = json::parse(output, nullptr, false);
  return whole.is_discarded() ? json::parse(last_line(output), nullptr, false) : whole;
}

std::optional<std::string> text_of(const json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer()) return value->dump();
  if (!value->is_string() || value->get_ref<const std::string&>().empty()) return std::nullopt;
  return value->get<std::string>();
}

}  // namespace

std::string how_it_ended(const base::Outcome& outcome, std::chrono::milliseconds timeout) {
  if (outcome.timed_out) return fmt::format("no reply within {} ms", timeout.count());
  if (outcome.signal != 0) {
    return fmt::format("killed by signal {} ({})", outcome.signal, ::strsignal(outcome.signal));
  }
  const std::string_view said = last_line(outcome.err.empty() ? outcome.out : outcome.err);
  return fmt::format("exit {}{}{}", outcome.exit_code, said.empty() ? "" : ": ", in_short(said));
}

std::string in_short(std::string_view text) {
  std::string begin(text.substr(0, kShownBytesMax));
  return text.size() > kShownBytesMax ? begin + "…" : begin;
}

std::optional<std::string> find_text(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  for (const std::string& part : searched(text)) {
    std::smatch match;
    if (std::regex_search(part, match, expression) && match.length(1) > 0) return match.str(1);
  }
  return std::nullopt;
}

bool says(const std::string& text, const std::string& pattern) {
  if (pattern.empty()) return false;
  const std::regex expression(pattern);
  return std::ranges::any_of(
      searched(text), [&](const std::string& part) { return std::regex_search(part, expression); });
}

std::optional<std::string> read_id(const std::string& output, std::string_view pointer) {
  if (pointer == kFromOutput) {
    const std::string_view line = last_line(output);
    return line.empty() ? std::nullopt : std::optional(std::string(line));
  }
  const json document = parse(output);
  return text_of(find(document, pointer));
}

std::optional<std::vector<std::string>> read_ids(const std::string& output,
                                                 std::string_view pointer, std::string_view id) {
  std::vector<std::string> ids;
  if (pointer == kFromOutput) {
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
      if (!trimmed(line).empty()) ids.emplace_back(trimmed(line));
    }
    return ids;
  }
  const json document = parse(output);
  const json* found = find(document, pointer);
  if (found == nullptr || !found->is_structured()) return std::nullopt;
  for (const auto& [key, value] : found->items()) {
    const auto text = found->is_object()  ? std::optional(key)
                      : value.is_object() ? text_of(find(value, id))
                                          : text_of(&value);
    if (!text) return std::nullopt;
    ids.push_back(*text);
  }
  return ids;
}

std::optional<std::int64_t> read_number(const std::string& output, std::string_view pointer) {
  const json document = parse(output);
  const json* found = find(document, pointer);
  if (found == nullptr) return std::nullopt;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  if (found->is_array()) return static_cast<std::int64_t>(found->size());
  return std::nullopt;
}

}  // namespace stress
