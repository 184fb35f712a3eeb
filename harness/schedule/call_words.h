#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/supervise/op.h"

namespace stress {

/// A call as a schedule tells it.
struct CallWords {
  /// The same in each repetition: no numbers, random parts of names masked, elsewhere no folders.
  std::string key;
  std::string words;  ///< for people: "write 412 bytes to registry.json"
  std::string kind;   ///< "open", "read", "write", "lock", …
  /// Below the watched folder, as it is named this time; elsewhere its whole path, or which server.
  std::string file;
  std::string file2;
};

/// `watched`: what names are told relative to. `tmux_socket`: of the run's own server; empty:
/// there is none. The call's task must be stopped at it.
CallWords words_of(const Op& op, const std::vector<std::filesystem::path>& watched,
                   const std::filesystem::path& tmux_socket = {});

/// Of a call that asks whether a process lives; `whose`: its task's label.
CallWords words_of_life(std::string_view whose);

}  // namespace stress
