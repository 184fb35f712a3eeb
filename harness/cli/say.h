#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace stress {

/// As fmt::print, but for a closed pipe: what nobody reads any more is dropped, and the run goes on
/// to its results. Throws std::system_error where it cannot write for another reason.
template <class... Arguments>
void say(std::FILE* file, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  const std::string text = fmt::format(format, std::forward<Arguments>(arguments)...);
  if (std::fwrite(text.data(), 1, text.size(), file) == text.size() || errno == EPIPE) return;
  throw std::system_error(errno, std::generic_category(), "cannot write");
}

template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  say(stdout, format, std::forward<Arguments>(arguments)...);
}

}  // namespace stress
