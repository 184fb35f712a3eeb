#include "harness/history/edn.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

namespace stress {
namespace {

using Json = nlohmann::ordered_json;
using base::Errc;

constexpr int kDepthMax = 100;
constexpr std::string_view kBlanks = " \t\r\n\f\v,";
constexpr std::string_view kEndsToken = " \t\r\n\f\v,()[]{}\";";

std::string as_key(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Numbers may end in N or M (arbitrary precision); what is none of JSON's is kept as a string.
std::optional<Json> number(std::string_view word) {
  const std::size_t digit = word.find_first_not_of("+-");
  if (digit > 1 || word[digit] < '0' || word[digit] > '9') return std::nullopt;
  if (word.ends_with('N') || word.ends_with('M')) word.remove_suffix(1);
  if (word.starts_with('+')) word.remove_prefix(1);
  const char* const end = word.data() + word.size();
  std::int64_t whole = 0;
  auto [stop, error] = std::from_chars(word.data(), end, whole);
  if (error == std::errc() && stop == end) return Json(whole);
  double real = 0;
  const auto parsed = std::from_chars(word.data(), end, real);
  if (parsed.ec == std::errc() && parsed.ptr == end) return Json(real);
  return std::nullopt;
}

}  // namespace

void EdnReader::drop(std::size_t count) {
  line_ += static_cast<std::size_t>(std::ranges::count(rest_.substr(0, count), '\n'));
  rest_.remove_prefix(std::min(count, rest_.size()));
}

base::Status EdnReader::skip_blanks() {
  while (!rest_.empty()) {
    if (rest_.front() == ';') {
      drop(std::min(rest_.find('\n'), rest_.size()));
    } else if (rest_.starts_with("#_")) {
      drop(2);
      if (const auto dropped = form(0); !dropped) return std::unexpected(dropped.error());
    } else if (kBlanks.find(rest_.front()) != std::string_view::npos) {
      drop(1);
    } else {
      break;
    }
  }
  return {};
}

base::Result<bool> EdnReader::more() {
  if (const auto skipped = skip_blanks(); !skipped) return std::unexpected(skipped.error());
  return !rest_.empty();
}

base::Result<Json> EdnReader::next() { return form(0); }

base::Result<bool> EdnReader::enter() {
  const auto any = more();
  if (!any) return any;
  if (!rest_.starts_with('[') && !rest_.starts_with('(')) return false;
  drop(1);
  return true;
}

bool EdnReader::leave() {
  if (!rest_.starts_with(']') && !rest_.starts_with(')')) return false;
  drop(1);
  return true;
}

base::Result<Json> EdnReader::form(int depth) {
  if (depth > kDepthMax) return base::fail(Errc::kInvalid, "forms are nested too deeply");
  if (const auto skipped = skip_blanks(); !skipped) return std::unexpected(skipped.error());
  if (rest_.empty()) return base::fail(Errc::kInvalid, "the text ends within a form");
  const char first = rest_.front();
  switch (first) {
    case '(':
    case '[':
      drop(1);
      return sequence(first == '(' ? ')' : ']', depth + 1);
    case '{':
      drop(1);
      return map(depth + 1);
    case '"':
      return string();
    case '\\':
      return character();
    case '#':
      return dispatch(depth + 1);
    case ')':
    case ']':
    case '}':
      return base::fail(Errc::kInvalid, "'{}' closes nothing", first);
    default:
      return atom();
  }
}

base::Result<Json> EdnReader::sequence(char end, int depth) {
  Json array = Json::array();
  while (true) {
    if (const auto skipped = skip_blanks(); !skipped) return std::unexpected(skipped.error());
    if (rest_.starts_with(end)) break;
    auto item = form(depth);
    if (!item) return item;
    array.push_back(std::move(*item));
  }
  drop(1);
  return array;
}

base::Result<Json> EdnReader::map(int depth) {
  const auto flat = sequence('}', depth);
  if (!flat) return flat;
  if (flat->size() % 2 != 0) return base::fail(Errc::kInvalid, "a map has a key without a value");
  Json object = Json::object();
  for (std::size_t i = 0; i < flat->size(); i += 2) object[as_key((*flat)[i])] = (*flat)[i + 1];
  return object;
}

base::Result<Json> EdnReader::string() {
  // The same escapes as JSON's, but that line breaks may stand for themselves.
  std::size_t end = 1;
  std::string quoted = "\"";
  for (; end < rest_.size() && rest_[end] != '"'; ++end) {
    if (rest_[end] == '\\' && end + 1 < rest_.size()) quoted += rest_[end++];
    const char c = rest_[end];
    constexpr std::string_view kControls = "\n\r\t";
    const std::size_t control = kControls.find(c);
    if (control == std::string_view::npos) {
      quoted += c;
    } else {
      quoted.append({'\\', "nrt"[control]});
    }
  }
  if (end >= rest_.size()) return base::fail(Errc::kInvalid, "a string does not end");
  Json parsed = Json::parse(quoted + '"', nullptr, false);
  if (parsed.is_discarded()) {
    return base::fail(Errc::kInvalid, "not a string: {}", rest_.substr(0, end + 1));
  }
  drop(end + 1);
  return parsed;
}

base::Result<Json> EdnReader::character() {
  drop(1);
  if (rest_.empty()) return base::fail(Errc::kInvalid, "the text ends within a character");
  std::string name(rest_.substr(0, 1));
  drop(1);
  name += token();
  for (const auto& [word, letter] : {std::pair("newline", "\n"), std::pair("space", " "),
                                     std::pair("tab", "\t"), std::pair("return", "\r")}) {
    if (name == word) return Json(letter);
  }
  return Json(name);
}

base::Result<Json> EdnReader::dispatch(int depth) {
  drop(1);
  if (rest_.starts_with('{')) {
    drop(1);
    return sequence('}', depth);
  }
  if (rest_.starts_with('#')) {  // ##NaN, ##Inf
    drop(1);
    return Json(std::string(token()));
  }
  if (token().empty()) return base::fail(Errc::kInvalid, "'#' begins nothing that is known");
  return form(depth);
}

std::string_view EdnReader::token() {
  const std::string_view word = rest_.substr(0, rest_.find_first_of(kEndsToken));
  drop(word.size());
  return word;
}

Json EdnReader::atom() {
  std::string_view word = token();
  if (word == "nil") return {};
  if (word == "true" || word == "false") return word == "true";
  if (word.starts_with(':')) return std::string(word.substr(1));
  if (auto value = number(word)) return *std::move(value);
  return std::string(word);
}

std::string to_edn(const Json& value) {
  if (value.is_null()) return "nil";
  if (value.is_array()) {
    std::vector<std::string> items;
    for (const Json& item : value) items.push_back(to_edn(item));
    return fmt::format("[{}]", fmt::join(items, " "));
  }
  if (value.is_object()) {
    std::vector<std::string> items;
    for (const auto& [key, item] : value.items()) {
      items.push_back(fmt::format("{} {}", Json(key).dump(), to_edn(item)));
    }
    return fmt::format("{{{}}}", fmt::join(items, ", "));
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace stress
