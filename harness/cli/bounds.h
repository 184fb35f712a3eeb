#pragma once

#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace stress {

/// What a number may be. CLI11's own say "not in range 0 to 17976931…".
inline CLI::Validator not_negative() {
  return {[](const std::string& text) {
            double value = 0;
            if (CLI::detail::lexical_cast(text, value) && value >= 0) return std::string();
            return fmt::format("must be 0 or more, not {}", text);
          },
          "NONNEGATIVE"};
}
inline CLI::Validator positive() {
  return {[](const std::string& text) {
            double value = 0;
            if (CLI::detail::lexical_cast(text, value) && value > 0) return std::string();
            return fmt::format("must be more than 0, not {}", text);
          },
          "POSITIVE"};
}

}  // namespace stress
