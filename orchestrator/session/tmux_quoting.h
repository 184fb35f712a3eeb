#pragma once

#include <string>
#include <string_view>

namespace orc {

// tmux reads its arguments with several eyes. Each function protects a text from one of them; where
// a text meets several, the one that tmux applies last comes first in our code.

/// One argument of the client: a ';' at its end would start the next tmux command.
std::string tmux_argument(std::string_view text);

/// A text that tmux expands as a format (and as a time): '#' and '%' lose their meaning.
std::string tmux_format(std::string_view text);

/// One word of a POSIX shell.
std::string shell_word(std::string_view text);

}  // namespace orc
