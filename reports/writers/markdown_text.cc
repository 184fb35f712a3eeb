#include "reports/writers/markdown_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "reports/writers/text.h"

namespace report {

std::string plain(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (const char c : clip(one_line(text), bytes_max)) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      if (std::string_view("\\`*_[]|#~").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

/// Its fence is longer than any run of backticks in the text.
std::string fenced(const std::string& text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  return fmt::format("{0}text\n{1}{0}\n\n", fence, text);
}

}  // namespace report
