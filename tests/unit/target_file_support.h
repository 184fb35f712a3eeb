#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "harness/target/target_file.h"
#include "tests/support/temp_folder.h"

namespace stress::testing {

/// A target file with all that is required and no more.
inline nlohmann::json smallest_target() {
  return {{"name", "small"},
          {"spawn", {{"argv", {"orc", "spawn", "{agent_type}"}}, {"id", "/id"}}},
          {"observe",
           {{"file", "{workspace}/registry.json"},
            {"agents", "/agents"},
            {"id", "/id"},
            {"status", "/status"},
            {"active", {"running"}}}},
          {"sessions", {{"kind", "tmux"}, {"name", "agent_{agent_id}"}}}};
}

/// Target files in a folder of their own.
class TargetFolder {
 public:
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::filesystem::path write(const std::string& name, const nlohmann::json& target) const {
    return write(name, target.dump(1));
  }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

  /// What is said of a wrong file, without the folder; "" for a right one.
  [[nodiscard]] std::string complaint(const std::string& name) const {
    const auto loaded = load_target_file(folder_ / name);
    if (loaded) return "";
    std::string text = loaded.error().message;
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at = 0; (at = text.find(folder)) != std::string::npos;) {
      text.erase(at, folder.size());
    }
    return text;
  }

 private:
  tests::TempFolder folder_;
};

}  // namespace stress::testing
