#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "orchestrator/base/error.h"

namespace stress {

/// A file that a person wrote (JSON with comments), and where in it a member stands, so that what
/// is wrong with it can be said with its line.
class JsonSource {
 public:
  /// Errors: kNotFound, kIo; kInvalid "FILE:LINE: not JSON: why".
  static base::Result<JsonSource> read(const std::filesystem::path& file);
  /// The same from text that is known already; the file need not exist.
  static base::Result<JsonSource> parse(std::filesystem::path file, std::string text);

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  [[nodiscard]] const nlohmann::json& root() const { return root_; }
  /// Where a member stands, by the names on the way to it (array elements by number).
  [[nodiscard]] std::optional<std::size_t> line_of(const std::vector<std::string>& way) const;

  /// kInvalid "FILE:LINE: FIELD: what". `field` is "run.agents" or a JSON pointer; the line is that
  /// of its innermost part which is there.
  [[nodiscard]] std::unexpected<base::Error> wrong(const std::string& field,
                                                   const std::string& what) const;

 private:
  JsonSource(std::filesystem::path file, std::string text)
      : file_(std::move(file)), text_(std::move(text)) {}
  [[nodiscard]] std::size_t line_at(std::size_t offset) const;

  std::filesystem::path file_;
  std::string text_;
  nlohmann::json root_;
};

/// The parts of "run.agents" or of a JSON pointer.
std::vector<std::string> way_to(const std::string& field);

}  // namespace stress
