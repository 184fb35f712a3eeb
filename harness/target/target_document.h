#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/target/json_source.h"
#include "orchestrator/base/error.h"

namespace stress {

/// A target file put together from all that it extends, and where each of its members stands.
class TargetDocument {
 public:
  /// Reads the file and what it extends (RFC 7396: a member that is there replaces the extended
  /// one's, an object is merged, null removes), then fills in its parameters.
  /// Errors: kInvalid "FILE:LINE: /pointer: sentence", kNotFound, kIo.
  static base::Result<TargetDocument> load(const std::filesystem::path& file);

  /// Merged; without "extends" and "parameters".
  [[nodiscard]] const nlohmann::json& root() const { return root_; }
  /// Said of the file in which the member stands.
  [[nodiscard]] std::unexpected<base::Error> wrong(const std::string& pointer,
                                                   const std::string& what) const;

 private:
  base::Status add(const std::filesystem::path& file);
  base::Status fill_in_parameters();

  std::vector<JsonSource> sources_;  ///< from the file itself to what it extends in the end
  nlohmann::json root_;
};

}  // namespace stress
