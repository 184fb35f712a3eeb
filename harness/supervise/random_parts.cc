#include "harness/supervise/random_parts.h"

#include <algorithm>
#include <cctype>

namespace stress {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool looks_random(std::string_view word) {
  const auto any = [&](int (*is)(int)) {
    return std::ranges::any_of(word,
                               [is](char c) { return is(static_cast<unsigned char>(c)) != 0; });
  };
  if (word.size() < 3) return false;
  if (any(std::isdigit)) return true;
  // Six or eight letters of mkstemp; names of people and programs begin with their only capital.
  const bool capital_inside = std::ranges::any_of(
      word.substr(1), [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; });
  return (word.size() == 6 || word.size() == 8) && capital_inside && any(std::islower);
}

/// Where what follows "tmp" or "temp" begins; npos: nowhere. "template" is no such word.
std::size_t behind_tmp(std::string_view name) {
  for (const std::string_view mark : {"tmp", "temp"}) {
    const std::size_t at = name.find(mark);
    if (at == std::string_view::npos || name.substr(at).starts_with("template")) continue;
    return at + mark.size();
  }
  return std::string_view::npos;
}

/// What follows a random word, up to the next dot, is as random: ids are chains of words, and not
/// each of theirs looks it every time.
std::string mask_component(std::string_view name) {
  const std::size_t fixed = std::min(behind_tmp(name), name.size());
  std::string result;
  for (std::size_t i = 0; i < fixed;) {
    const auto end_of_word =
        std::find_if_not(name.begin() + static_cast<std::ptrdiff_t>(i),
                         name.begin() + static_cast<std::ptrdiff_t>(fixed), is_word);
    const auto end = static_cast<std::size_t>(end_of_word - name.begin());
    if (end == i) {
      result += name[i++];
    } else if (looks_random(name.substr(i, end - i))) {
      result += '*';
      i = std::min(name.find('.', end), fixed);
    } else {
      result += name.substr(i, end - i);
      i = end;
    }
  }
  if (fixed == name.size()) return result;
  if (!is_word(name[fixed])) result += name[fixed];
  return result + "*";
}

}  // namespace

std::string mask_random_parts(std::string_view path) {
  std::string result;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    result += mask_component(path.substr(begin, end - begin));
    if (end < path.size()) result += '/';
    begin = end + 1;
  }
  return result;
}

}  // namespace stress
