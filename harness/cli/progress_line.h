#pragma once

#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

#include "harness/cli/say.h"

namespace stress {

/// What a command says while it works, on standard error, so that standard output stays the
/// report's: lines that stay, and how far it is. On a terminal that is one line, written anew and
/// gone at the end; where it is piped, a plain line now and then. Throws as say() does. Not
/// thread-safe.
class ProgressLine {
 public:
  /// `quiet`: it says nothing. `file` must outlive it.
  explicit ProgressLine(bool quiet, std::FILE* file = stderr);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// A line that stays.
  template <class... Arguments>
  void tell(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    if (quiet_) return;
    clear();
    say(file_, "{}\n", fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  /// How far it is, in one line. May be called as often as one likes: not all are shown.
  void show(std::string_view text);

 private:
  void clear();

  bool quiet_;
  std::FILE* file_;
  bool live_;
  bool open_ = false;  ///< the cursor stands in the line
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace stress
