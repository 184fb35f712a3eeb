#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "orchestrator/base/file_io.h"
#include "orchestrator/base/subprocess.h"
#include "tests/support/temp_folder.h"

namespace e2e {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

inline constexpr int kUsage = 254;

/// This process's environment with other values for some variables ("NAME=value"), and without what
/// would make a stress of this test part of another run or of the user's tmux.
inline Words environment(const Words& changes = {}) {
  const auto name_of = [](std::string_view variable) {
    return variable.substr(0, variable.find('='));
  };
  std::set<std::string_view> changed{"TMUX", "TMUX_PANE", "TMUX_TMPDIR", "SPAWNSTORM_RUN"};
  for (const std::string& change : changes) changed.insert(name_of(change));
  Words result = changes;
  for (std::string& variable : base::current_environment()) {
    if (!changed.contains(name_of(variable))) result.push_back(std::move(variable));
  }
  return result;
}

inline base::Outcome execute(Words argv, const Words& changes = {}) {
  base::Command command;
  command.argv = std::move(argv);
  command.env = environment(changes);
  command.timeout = std::chrono::minutes(4);
  auto outcome = base::run(command);
  if (!outcome) {
    ADD_FAILURE() << outcome.error().message;
    return {};
  }
  EXPECT_FALSE(outcome->timed_out) << outcome->out << outcome->err;
  return *std::move(outcome);
}

inline std::string text_of(const std::filesystem::path& file) {
  const auto text = base::read_file(file);
  EXPECT_TRUE(text) << text.error().message;
  return text.value_or("");
}

inline Json read_json(const std::filesystem::path& file) {
  Json json = Json::parse(text_of(file), nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << file;
  return json;
}

/// Ids of the invariants with this verdict.
inline std::set<std::string> invariants(const Json& report, std::string_view verdict) {
  std::set<std::string> ids;
  for (const Json& invariant : report["invariants"]) {
    if (invariant["verdict"] == verdict) ids.insert(invariant["id"].get<std::string>());
  }
  return ids;
}

}  // namespace e2e
