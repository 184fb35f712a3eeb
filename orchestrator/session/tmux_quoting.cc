#include "orchestrator/session/tmux_quoting.h"

#include <algorithm>

namespace orc {

std::string tmux_argument(std::string_view text) {
  std::string quoted(text);
  // tmux takes one backslash and the ';' for a plain ';', whatever stands before them.
  if (quoted.ends_with(';')) quoted.insert(quoted.size() - 1, 1, '\\');
  return quoted;
}

std::string tmux_format(std::string_view text) {
  std::string quoted;
  while (!text.empty()) {
    if (text.front() == '#') {
      const auto run = std::min(text.find_first_not_of('#'), text.size());
      // Before '[' any number of '#' is a style and stays as it is.
      const bool style = run < text.size() && text[run] == '[';
      quoted.append(style ? run : 2 * run, '#');
      text.remove_prefix(run);
    } else {
      if (text.front() == '%') quoted += '%';
      quoted += text.front();
      text.remove_prefix(1);
    }
  }
  return quoted;
}

std::string shell_word(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace orc
