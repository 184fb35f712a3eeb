#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace stress {

/// A document exactly as it stands in a file: members in their order, and those that stand more
/// than once kept, each at its place. The library's own parser keeps the last of them only, so that
/// a registry with a duplicate id would look sound.
struct FaithfulJson {
  bool ok = false;
  nlohmann::ordered_json document;
  std::string error;         ///< not ok: why
  std::size_t position = 0;  ///< not ok: after how many bytes
};

/// Accepts one whole JSON text, UTF-8, nested at most 256 levels deep. Throws nothing.
FaithfulJson parse_faithfully(std::string_view text);

}  // namespace stress
