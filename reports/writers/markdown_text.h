#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace report {

/// Text that no character of it can turn into markup; at most `bytes_max` bytes of it.
std::string plain(std::string_view text, std::size_t bytes_max);
/// A code block, whatever is in it.
std::string fenced(const std::string& text);

}  // namespace report
