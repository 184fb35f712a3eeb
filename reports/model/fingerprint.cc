#include "reports/model/fingerprint.h"

#include <algorithm>
#include <utility>

namespace report {
namespace {

constexpr std::string_view kMask = "*";
constexpr std::string_view kAround = "()[]{},.:;!?'\"`";  // stands beside a word, not in it

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii(char c) { return c >= 0x20 && c < 0x7F; }
bool is_around(char c) { return kAround.contains(c); }

bool is_plain_word(std::string_view text) {
  return !text.empty() && text.size() <= 24 && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || c == '-' || c == '_' || c == ' ';
  });
}

/// `text` with each `name` that stands alone masked. Longer names first: one may contain another.
std::string mask_names(std::string text, std::vector<std::string> names) {
  std::ranges::sort(names, std::ranges::greater(), &std::string::size);
  const auto part_of_word = [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
  };
  for (const std::string& name : names) {
    if (name.empty()) continue;
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos;) {
      const std::size_t end = at + name.size();
      const bool alone = (at == 0 || !part_of_word(text[at - 1])) &&
                         (end == text.size() || !part_of_word(text[end]));
      if (alone) text.replace(at, name.size(), kMask);
      at += alone ? kMask.size() : name.size();
    }
  }
  return text;
}

/// A quotation begins behind a blank and ends where the same quote is followed by no letter or
/// digit. Libraries quote what a target has written as it stands, in single quotes, and such bytes
/// may hold quotes themselves: then it ends at the last one.
std::string mask_quotations(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char quote = text[at];
    const bool opens = (quote == '"' || quote == '\'') && (at == 0 || text[at - 1] == ' ');
    std::size_t end = at;
    while (opens && (end = text.find(quote, end + 1)) != std::string_view::npos) {
      const bool more = end + 1 < text.size();
      if (text[end - 1] != '\\' && !(more && (is_letter(text[end + 1]) || is_digit(text[end + 1]))))
        break;
    }
    if (!opens || end == std::string_view::npos) {
      out += quote;
      continue;
    }
    const bool plain = is_plain_word(text.substr(at + 1, end - at - 1));
    if (!plain && quote == '\'') end = text.rfind(quote);
    out += plain ? text.substr(at, end - at + 1) : kMask;
    at = end;
  }
  return out;
}

/// A word without what stands around it is masked where something in it differs between runs.
std::string mask_word(std::string_view word) {
  std::size_t begin = 0;
  std::size_t end = word.size();
  while (begin < end && is_around(word[begin])) ++begin;
  while (end > begin && is_around(word[end - 1])) --end;
  const std::string_view inside = word.substr(begin, end - begin);
  const bool differs = std::ranges::any_of(
      inside, [](char c) { return is_digit(c) || c == '/' || c == '*' || !is_ascii(c); });
  if (!differs) return std::string(word);
  return std::string(word.substr(0, begin)).append(kMask).append(word.substr(end));
}

bool is_masked(std::string_view word, std::string_view behind) {
  return word.size() == kMask.size() + behind.size() && word.starts_with(kMask) &&
         word.ends_with(behind);
}

}  // namespace

std::string fingerprint(std::string_view summary, const std::vector<std::string>& names) {
  const std::string text = mask_quotations(mask_names(std::string(summary), names));
  std::string out;
  std::string previous;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n\t\r", at), text.size());
    std::string word = mask_word(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (word.empty()) continue;
    const bool in_list = is_masked(previous, ",") && word.starts_with(kMask);
    if (in_list) out.erase(out.size() - 1 - previous.size());
    if (is_masked(previous, "") && word.size() > 3 && word.ends_with('s')) word.pop_back();
    out += (out.empty() ? "" : " ") + word;
    previous = std::move(word);
  }
  return out;
}

}  // namespace report
