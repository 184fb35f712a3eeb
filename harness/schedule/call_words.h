#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/supervise/op.h"

namespace stress {

/// A call as a schedule tells it.
struct CallWords {
  std::string key;    ///< the same in each repetition: no numbers, random parts of names masked
  std::string words;  ///< for people: "write 412 bytes to registry.json"
  std::string kind;   ///< "open", "read", "write", "lock", …
  std::string file;   ///< below the watched folder, as it is named this time
  std::string file2;
};

/// `watched`: what names are told relative to. The call's task must be stopped at it.
CallWords words_of(const Op& op, const std::vector<std::filesystem::path>& watched);

}  // namespace stress
